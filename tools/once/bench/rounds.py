"""Medians over interleaved rounds, so that the machine's noise falls on all alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the table: medians of ours and of what it is held against, in seconds; `ratio` to reach `target`."""

    ours: float
    other: float
    ratio: float
    target: float

    @property
    def is_met(self) -> bool:
        """Return whether the target is reached."""
        return self.ratio >= self.target


def medians(rounds: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Take each measure once to warm up, then `rounds` times in turn, and return the median of each.

    Each round begins with another one: what the one before left behind (a full page cache, a daemon that is
    still busy with changed files) meets each of them equally often.
    """
    names = list(measures)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for measure in measures.values():
        measure()
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(measures[name]())
    return {name: median(seconds) for name, seconds in taken.items()}


def compared(prefix: str, seconds: Mapping[str, float], targets: Mapping[str, float]) -> dict[str, Result]:
    """Return how many times as long as `once` each peer takes, under `<prefix>_vs_<peer>`."""
    ours = seconds["once"]
    return {
        f"{prefix}_vs_{peer}": Result(ours=ours, other=seconds[peer], ratio=seconds[peer] / ours, target=target)
        for peer, target in targets.items()
    }
