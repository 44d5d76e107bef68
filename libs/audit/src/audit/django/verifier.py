"""Verifying: is every event still what was sealed, and every seal still what was signed?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit._checkpoints import Checkpoint, NoCheckpoint, open_checkpoint
from audit._merkle import Tree
from audit.django.leaves import BEGINNING, Horizon, Leaf, leaves
from audit.django.models import Seal

_MOST_BREAKS: Final = 100
_CHUNK: Final = 1_000


class UnknownSeal(LookupError):
    """There is no seal with this number to begin at."""

    def __init__(self, number: int, *, newest: int) -> None:
        super().__init__(f"There is no seal {number}; the newest is {newest}.")


class CheckpointTooOld(ValueError):
    """A checkpoint lies before the seal that the check begins at, so it would not be looked at."""

    def __init__(self, size: int, start: int) -> None:
        super().__init__(f"The checkpoint is of {size} events, and the check begins after {start}. Begin earlier.")


class BreakKind(StrEnum):
    """What can be wrong."""

    EVENTS_CHANGED = "events_changed"
    EVENTS_MISSING = "events_missing"
    EVENTS_ADDED = "events_added"
    SEAL_CHANGED = "seal_changed"
    SEAL_MISSING = "seal_missing"
    TRUNCATED = "truncated"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing that is not as it was sealed; `seal` is the first that shows it."""

    kind: BreakKind
    seal: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found. `events` were looked at under `seals`; `unsealed` came after the newest seal."""

    breaks: tuple[Break, ...]
    seals: int
    events: int
    unsealed: int

    @property
    def is_clean(self) -> bool:
        """Tell whether everything is as it was sealed."""
        return not self.breaks


def verify(*, keys: Sequence[Ed25519PublicKey], against: Checkpoint | None = None, since: int | None = None) -> Report:
    """Compare every event with the seals, and the seals with a checkpoint that was kept elsewhere.

    `keys` are those that ever signed. `since` is the number of a seal that is taken for true: what it covers is left
    out.

    Raises:
        UnknownSeal: there is no seal `since`.
        CheckpointTooOld: the checkpoint lies in what `since` leaves out.
    """
    start = None if since is None else Seal.objects.filter(number=since).first()
    if since is not None and start is None:
        newest = Seal.objects.order_by("-number").values_list("number", flat=True).first()
        raise UnknownSeal(since, newest=newest or 0)
    if start and against and against.size < start.size:
        raise CheckpointTooOld(against.size, start.size)
    return _Check(keys=keys, against=against).run(start)


@dataclass(kw_only=True)
class _Check:
    """One run over events and seals, side by side."""

    keys: Sequence[Ed25519PublicKey]
    against: Checkpoint | None
    tree: Tree = field(default_factory=Tree)
    breaks: list[Break] = field(default_factory=list)

    def run(self, start: Seal | None) -> Report:
        number, events, seals = 0, 0, 0
        since: Horizon = BEGINNING
        if start:
            number, since = start.number, (start.epoch, start.horizon)
            if not self._is_authentic(start):
                return self._report(0, 0, 0)
            self.tree = start.tree()
        coming = _Coming(since)
        self._compare_with_checkpoint(number)
        for seal in _seals_after(number):
            if seal.number != number + 1:
                self._found(BreakKind.SEAL_MISSING, number + 1, f"Between seal {number} and {seal.number} is a gap.")
            events += self._add(coming.below((seal.epoch, seal.horizon)), seal.number)
            self._look_at(seal)
            number, seals = seal.number, seals + 1
        sealed = self.tree.size
        unsealed = self._add(coming.below(None), None)
        if self.against and self.against.size > sealed:
            detail = f"The checkpoint is of {self.against.size} events; only {sealed} are sealed here."
            self._found(BreakKind.TRUNCATED, None, detail)
        return self._report(seals, events, unsealed)

    def _add(self, covered: Iterator[Leaf], number: int | None) -> int:
        added = 0
        for leaf in covered:
            self.tree.add(leaf.hash)
            added += 1
            if number is not None:
                self._compare_with_checkpoint(number)
        return added

    def _look_at(self, seal: Seal) -> None:
        """Compare a seal with its signature, and the events so far with the seal."""
        if not self._is_authentic(seal):
            return
        over = self.tree.size - seal.size
        if over:
            kind, word = (BreakKind.EVENTS_ADDED, "more") if over > 0 else (BreakKind.EVENTS_MISSING, "fewer")
            detail = f"There are {abs(over)} events {word} than when seal {seal.number} was made ({seal.size})."
            self._found(kind, seal.number, detail)
        elif self.tree.root() != bytes(seal.root):
            detail = f"An event since seal {seal.number - 1} is not what it was when seal {seal.number} was made."
            self._found(BreakKind.EVENTS_CHANGED, seal.number, detail)
        # What follows is judged by itself.
        self.tree = seal.tree()

    def _is_authentic(self, seal: Seal) -> bool:
        """Tell whether a seal's row says what was signed."""
        try:
            note = open_checkpoint(seal.note, keys=self.keys)
            is_said = (note.size, note.root, note.facts) == (seal.size, bytes(seal.root), seal.facts)
            if is_said and seal.tree().root() == note.root:
                return True
            reason = "The row says something else than its signed note."
        except (NoCheckpoint, ValueError) as error:
            reason = str(error)
        self._found(BreakKind.SEAL_CHANGED, seal.number, reason)
        return False

    def _compare_with_checkpoint(self, number: int) -> None:
        if self.against and self.against.size == self.tree.size and self.against.root != self.tree.root():
            detail = f"The first {self.against.size} events are not those that the checkpoint is of."
            self._found(BreakKind.DIVERGED, number, detail)

    def _found(self, kind: BreakKind, seal: int | None, detail: str) -> None:
        if len(self.breaks) < _MOST_BREAKS:
            self.breaks.append(Break(kind=kind, seal=seal, detail=detail))

    def _report(self, seals: int, events: int, unsealed: int) -> Report:
        return Report(breaks=tuple(self.breaks), seals=seals, events=events, unsealed=unsealed)


class _Coming:
    """The events that were not looked at yet."""

    def __init__(self, since: Horizon) -> None:
        self._leaves = leaves(since)
        self._next = next(self._leaves, None)

    def below(self, horizon: Horizon | None) -> Iterator[Leaf]:
        """Yield those below a horizon, or all."""
        while (leaf := self._next) is not None and (horizon is None or leaf.transaction < horizon):
            self._next = next(self._leaves, None)
            yield leaf


def _seals_after(number: int) -> Iterator[Seal]:
    while chunk := list(Seal.objects.filter(number__gt=number).order_by("number")[:_CHUNK]):
        yield from chunk
        number = chunk[-1].number
