"""What is wrong with an environment, named for the person who can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import override


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One variable that stops the start; never holds the value of a secret."""

    variable: str
    problem: str
    hint: str

    @override
    def __str__(self) -> str:
        return f"{self.variable}: {self.problem}. {self.hint}"


class ConfigurationInvalid(Exception):
    """The environment does not describe a service that may start; `problems` holds every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n  ".join(["The configuration is invalid:", *map(str, self.problems)]))
