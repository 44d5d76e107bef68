"""Group commit: calls that arrive while others are being served are served together next.

The first to come serves at once and waits for nobody, so an idle service answers as fast as without groups; under
load one transaction and its few waits for the database are shared by all who came meanwhile. Databases do the same
with the flushes of their logs (Gray and Reuter, Transaction Processing, 9.4.7).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

import structlog

log = structlog.get_logger(__name__)


def _closed_gate() -> Lock:
    gate = Lock()
    gate.acquire()
    return gate


@dataclass(slots=True)
class _Seat[Call, Answer]:
    """A call that waits: its thread passes the gate once it is answered, or to serve the next group itself."""

    call: Call
    gate: Lock = field(default_factory=_closed_gate)
    is_served: bool = False
    answer: Answer | None = None


class Together[Call, Answer]:
    """Serve what the threads of this process call, one group at a time.

    `serve` returns an answer for each call, in order; None for those that have to go alone. If it raises, nothing
    happened, and all of the group go alone.
    """

    def __init__(self, serve: Callable[[Sequence[Call]], Sequence[Answer | None]]) -> None:
        self._serve = serve
        self._lock = Lock()
        self._waiting: list[_Seat[Call, Answer]] = []
        self._is_serving = False

    def __call__(self, call: Call) -> Answer | None:
        """Return the answer, or None where the call has to go alone."""
        seat = _Seat[Call, Answer](call)
        with self._lock:
            self._waiting.append(seat)
            leads, self._is_serving = not self._is_serving, True
        if not leads:
            seat.gate.acquire()
        if not seat.is_served:
            self._lead(seat)
        return seat.answer

    def _lead(self, leader: _Seat[Call, Answer]) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            for seat, answer in zip(group, self._serve([seat.call for seat in group]), strict=True):
                seat.answer = answer
        except Exception as error:  # noqa: BLE001  (whatever it was, each of them meets it again, alone)
            log.info("group_went_apart", size=len(group), error=repr(error))
        finally:
            self._hand_over()
            for seat in group:
                seat.is_served = True
                if seat is not leader:
                    seat.gate.release()

    def _hand_over(self) -> None:
        """Let the first of those who came meanwhile lead the next group, if anybody came."""
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_serving = following is not None
        if following is not None:
            following.gate.release()
