"""The policy matrix: who may do what, where, to an object in which state.

Each action has a rule: the permission that it needs, what the place of its object means, and what happens where both
are as they should be. `expected` makes the verdict of every cell from it, without asking the service. The verdicts are
kept in `matrix.csv` with their reasons, for the reviewer of a change: `python -m tests.security.matrix_actions` writes
it anew, and the tests compare it with the rules, and the service with it.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from django.http import HttpResponse

from apps.identity.permissions import BUILTIN_ROLES
from tests.answers import json_of

VERDICTS: Final = Path(__file__).with_name("matrix.csv")
COLUMNS: Final = ("role", "action", "relation", "state", "verdict", "code", "why")
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
# A role counts at the place where it is bound and below, and nowhere else.
_REACHED: Final = frozenset({"own", "descendant", "root"})

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
class Rule:
    """Who may do an action; verdicts are written `200` or `409 in_use`.

    `needs` is a permission, or nothing for whoever is signed in. `reach` says where it must be held: at the place of
    the object, everywhere, or no matter where. `answers` are the verdicts where both are so, by state or by
    `state/relation`; a state in `regardless` is answered so wherever the permission is held. `lacking` is the verdict
    without the permission, `beyond` that of its holder out of reach.
    """

    answers: Mapping[str, str]
    needs: str = ""
    reach: Literal["place", "everywhere", "anywhere"] = "anywhere"
    lacking: str = "403 permission_denied"
    beyond: str = "404 not_found"
    regardless: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, the states that its object may be in, and its rule."""

    name: str
    make: Callable[[Scene, str, str], Request]
    rule: Rule
    relations: tuple[str, ...] = tuple(RELATIONS)

    @property
    def states(self) -> tuple[str, ...]:
        """Return the states that the rule has an answer for."""
        return tuple(dict.fromkeys(key.partition("/")[0] for key in self.rule.answers))


def cells(actions: tuple[Action, ...]) -> Iterator[Cell]:
    """Yield every cell that must have a verdict."""
    for role in BUILTIN_ROLES:
        for action in actions:
            for relation in action.relations:
                for state in action.states:
                    yield role, action.name, relation, state


def expected(rule: Rule, *, role: str, relation: str, state: str) -> tuple[Verdict, str]:
    """Return the verdict of a cell by its rule, and why."""
    if rule.needs and rule.needs not in BUILTIN_ROLES[role][1]:
        return _verdict(rule.lacking), f"the role does not allow {rule.needs}"
    if rule.needs and relation == "none":
        return _verdict(rule.lacking), "the role is bound nowhere"
    is_reached = {
        "place": relation in _REACHED,
        "everywhere": relation == "root",
        "anywhere": True,
    }[rule.reach]
    if not is_reached and state not in rule.regardless:
        wanted = "it must be held everywhere" if rule.reach == "everywhere" else "the place is beyond where it is held"
        return _verdict(rule.beyond), wanted + (f"; {rule.note}" if rule.note else "")
    answer = rule.answers.get(f"{state}/{relation}", rule.answers.get(state, ""))
    return _verdict(answer), f"held: {state}" if rule.needs else f"for all: {state}"


def verdicts() -> dict[Cell, Verdict]:
    """Return the reviewed verdicts."""
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        return {
            (row["role"], row["action"], row["relation"], row["state"]): (row["verdict"], row["code"])
            for row in csv.DictReader(file)
        }


def write(actions: tuple[Action, ...]) -> None:
    """Write the verdicts of all rules to the file that is reviewed."""
    rules = {action.name: action.rule for action in actions}
    with VERDICTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for role, name, relation, state in cells(actions):
            verdict, why = expected(rules[name], role=role, relation=relation, state=state)
            writer.writerow((role, name, relation, state, *verdict, why))


def verdict_of(answer: HttpResponse, request: Request) -> Verdict:
    """Return what an answer says: its status; for a list, whether it shows the object; the code of a refusal."""
    if answer.status_code >= 400:
        return str(answer.status_code), str(json_of(answer).get("code", ""))
    if request.shows:
        return ("shown" if request.shows.encode() in answer.content else "hidden"), ""
    return str(answer.status_code), ""


def _verdict(text: str) -> Verdict:
    status, _, code = text.partition(" ")
    return status, code
