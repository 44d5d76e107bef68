"""The graph that all runners see: chains of ten packages on one root library, an application on the chains' ends."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

TASK: Final = "mkdir -p out && echo ok > out/r"
_CHAIN: Final = 10


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many packages, how many files each of them has (three are manifests), and what its task runs in it."""

    packages: int
    files: int = 10
    task: str = TASK

    @cached_property
    def names(self) -> list[str]:
        """Return the names: the root library first, the application last."""
        return [f"p{number:04}" for number in range(self.packages)]

    def needs(self, number: int) -> list[str]:
        """Return the names of the packages that package `number` depends on."""
        last = self.packages - 1
        if number == 0:
            return []
        if number < last:
            return self.names[:1] if (number - 1) % _CHAIN == 0 else self.names[number - 1 : number]
        return [self.names[end] for end in sorted({*range(_CHAIN, last, _CHAIN), last - 1})]

    def dependents(self, number: int) -> set[str]:
        """Return the names of package `number` and of all that depend on it, however far."""
        names = self.names
        found = {names[number]}
        for later in range(number + 1, self.packages):
            if not found.isdisjoint(self.needs(later)):
                found.add(names[later])
        return found
