"""Proving that one event is in the trail, to somebody who has no more of it than a checkpoint."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from django.db import connection

from audit._merkle import Hash, Tree, inclusion_path, root_from_path
from audit.django.leaves import BEGINNING, Horizon, leaf_with, leaves_at
from audit.django.models import Seal, Tile
from audit.django.sealer import TILE_HEIGHT

_TILE: Final = 1 << TILE_HEIGHT
_RANK: Final = """
    SELECT count(*) FROM audit_event
    WHERE (epoch, xid) >= (CAST(%s AS smallint), %s::xid8)
        AND (epoch, xid, seq) < (CAST(%s AS smallint), %s::xid8, %s::bigint)
"""
_COVERING: Final = """
    SELECT * FROM audit_seal WHERE (epoch, horizon) > (CAST(%s AS smallint), %s::xid8) ORDER BY epoch, horizon LIMIT 1
"""


class UnknownEvent(LookupError):
    """The trail has no such event."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"The trail has no event {seq}.")


class NotSealedYet(RuntimeError):
    """An event is so new that no seal covers it."""

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"Event {seq} is not sealed yet. Seals are made every second while the service runs; try again."
        )


class TrailBroken(RuntimeError):
    """The stored events do not lead to the sealed root any more."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"Event {seq} does not lead to the sealed root: the trail was changed. Verify it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What it takes to check one event: hash `content` as a leaf, climb along `path`, and compare with the note's root.

    The leaf is number `index` of `size`; `path` begins beside it (RFC 6962, 2.1.1).
    """

    content: str
    index: int
    size: int
    path: tuple[Hash, ...]
    note: str


def prove(seq: int) -> Proof:
    """Return the proof that an event is among those of the newest seal.

    Raises:
        UnknownEvent: there is none.
        NotSealedYet: it came after the newest seal.
        TrailBroken: it, or one of its neighbours, is not what was sealed.
    """
    leaf, newest = leaf_with(seq), Seal.objects.order_by("-number").first()
    if leaf is None:
        raise UnknownEvent(seq)
    if newest is None or leaf.transaction >= (newest.epoch, newest.horizon):
        raise NotSealedYet(seq)
    index = _index_of(leaf.transaction, seq)
    if not index < newest.size:
        raise TrailBroken(seq)
    path = inclusion_path(index, newest.size, cache(_root_of))
    if root_from_path(leaf.hash, index, newest.size, path) != bytes(newest.root):
        raise TrailBroken(seq)
    return Proof(content=leaf.content.decode(), index=index, size=newest.size, path=tuple(path), note=newest.note)


def _index_of(transaction: Horizon, seq: int) -> int:
    """Return how many sealed events come before one: those under earlier seals, and some of its own."""
    (covering,) = Seal.objects.raw(_COVERING, [transaction[0], str(transaction[1])])
    before = Seal.objects.filter(number__lt=covering.number).order_by("-number").first()
    since, size = ((before.epoch, before.horizon), before.size) if before else (BEGINNING, 0)
    with connection.cursor() as cursor:
        cursor.execute(_RANK, [since[0], str(since[1]), transaction[0], str(transaction[1]), seq])
        return size + int(cursor.fetchone()[0])


def _root_of(start: int, stop: int) -> Hash:
    """Return the root of some leaves: of tiles as far as there are complete ones, and of single events."""
    tree = Tree()
    if stop - start >= _TILE:
        tiles = Tile.objects.filter(index__gte=start >> TILE_HEIGHT, index__lt=stop >> TILE_HEIGHT).order_by("index")
        for root in tiles.values_list("root", flat=True):
            tree.add(bytes(root), height=TILE_HEIGHT)
    for hash_ in _hashes(start + tree.size, stop):
        tree.add(hash_)
    return tree.root()


def _hashes(start: int, stop: int) -> list[Hash]:
    """Return the hashes of some leaves, found by the newest seal before them."""
    before = Seal.objects.filter(size__lte=start).order_by("-size").first()
    since, size = ((before.epoch, before.horizon), before.size) if before else (BEGINNING, 0)
    return [leaf.hash for leaf in leaves_at(since, skip=start - size, count=stop - start)]
