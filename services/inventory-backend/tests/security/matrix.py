"""The policy matrix: who may do what, where, to an object in which state; the verdicts are in `matrix.csv`.

The verdicts were written from the rules, not from what the service answers. Where the two differ the test says which
file has the answers: rows of new actions can be taken from there, and the diff of the CSV is what a reviewer reads.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.http import HttpResponse

from apps.identity.permissions import BUILTIN_ROLES
from tests.answers import json_of

VERDICTS: Final = Path(__file__).with_name("matrix.csv")
# Where the object lies, seen from the place that the role is bound at.
RELATIONS: Final = {
    "own": "Z1",  # the very place
    "descendant": "Z1B",  # within it
    "sibling": "Z2",
    "parent": "A",
    "other_site": "B",
    "none": "Z1",  # the role is bound nowhere
    "root": "Z1",  # the role is bound to everything
}
# Where the relation of places says nothing, for the object lies in none.
PLACELESS: Final = ("own", "none", "root")

type Cell = tuple[str, str, str, str]  # role, action, relation, state
type Verdict = tuple[str, str]  # status or what a list shows, and the code of a refusal


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, with `{}` for the place in `path`; `shows` is what a list must name to show the object."""

    method: str
    path: str
    body: Any = None
    shows: str = ""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is there: ids by code, and a posted receipt for each place."""

    ids: dict[str, str]
    receipts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, and the states that its object may be in."""

    name: str
    states: tuple[str, ...]
    make: Callable[[Scene, str, str], Request]
    relations: tuple[str, ...] = tuple(RELATIONS)


def cells(actions: tuple[Action, ...]) -> Iterator[Cell]:
    """Yield every cell that must have a verdict."""
    for role in BUILTIN_ROLES:
        for action in actions:
            for relation in action.relations:
                for state in action.states:
                    yield role, action.name, relation, state


def verdicts() -> dict[Cell, Verdict]:
    """Return the reviewed verdicts."""
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        return {
            (row["role"], row["action"], row["relation"], row["state"]): (row["verdict"], row["code"])
            for row in csv.DictReader(file)
        }


def verdict_of(answer: HttpResponse, request: Request) -> Verdict:
    """Return what an answer says: its status; for a list, whether it shows the object; the code of a refusal."""
    if answer.status_code >= 400:
        return str(answer.status_code), str(json_of(answer)["code"])
    if request.shows:
        return ("shown" if request.shows.encode() in answer.content else "hidden"), ""
    return str(answer.status_code), ""
