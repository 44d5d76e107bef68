"""Values that cross this domain's border."""

from collections.abc import Callable
from dataclasses import dataclass


def _silent(_done: int, _total: int) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to import: `progress` is told how many of how many rows are stored."""

    is_dry_run: bool = False
    progress: Callable[[int, int], None] = _silent
