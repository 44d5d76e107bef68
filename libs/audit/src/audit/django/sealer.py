"""Sealing: one signed root over all events that can no longer be joined by earlier ones.

No writer waits for it, and it waits for no writer: whatever a transaction that still runs may yet add is above the
horizon, and is sealed next time.
"""

from datetime import UTC
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from audit._checkpoints import Checkpoint
from audit._merkle import Tree
from audit.django.leaves import BEGINNING, HORIZON, Horizon, leaves
from audit.django.models import Seal, Tile

TILE_HEIGHT: Final = 8
_LOCK: Final = 4805


class EpochNotAdvanced(RuntimeError):
    """This cluster's transaction ids lie below those that were sealed: the database was restored from elsewhere."""

    def __init__(self, horizon: Horizon) -> None:
        epoch, xid = horizon
        super().__init__(
            f"Transaction ids up to {xid} were sealed, and this cluster has not reached them. If the database was "
            "restored from another cluster, its owner tells the trail: CREATE OR REPLACE FUNCTION audit_epoch() "
            f"RETURNS smallint LANGUAGE sql STABLE RETURN {epoch + 1}::smallint;"
        )


@transaction.atomic
def seal(*, key: Ed25519PrivateKey, origin: str) -> Seal | None:
    """Seal what has become final; None where there is nothing new, or where somebody else seals just now.

    `origin` is the name of this trail in its checkpoints, such as `inventory.example.com/audit`.

    Raises:
        EpochNotAdvanced: the database moved to another cluster, and nobody said so.
    """
    if not _is_ours():
        return None
    last = Seal.objects.order_by("-number").first()
    since = (last.epoch, last.horizon) if last else BEGINNING
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        epoch, xmin, now = cursor.fetchone()
    horizon = (epoch, int(xmin))
    if horizon < since:
        raise EpochNotAdvanced(since)
    tree = last.tree() if last else Tree()
    tiles = _grow(tree, since, horizon)
    if tree.size == (last.size if last else 0):
        return None
    root = tree.root()
    made = Seal(
        number=last.number + 1 if last else 1,
        sealed_at=now.astimezone(UTC),
        epoch=epoch,
        horizon=horizon[1],
        size=tree.size,
        root=root,
        nodes=b"".join(tree.nodes),
    )
    made.note = Checkpoint(origin=origin, size=made.size, root=root, facts=made.facts).signed(key)
    Tile.objects.bulk_create(tiles)
    made.save(force_insert=True)
    return made


def _is_ours() -> bool:
    """Tell whether this transaction is the only one that seals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _grow(tree: Tree, since: Horizon, horizon: Horizon) -> list[Tile]:
    """Add what is between two horizons to the tree; return the tiles that it completes."""
    tiles = []
    for leaf in leaves(since, below=horizon):
        completed = tree.add(leaf.hash)
        if len(completed) > TILE_HEIGHT:
            tiles.append(Tile(index=(tree.size >> TILE_HEIGHT) - 1, root=completed[TILE_HEIGHT]))
    return tiles
