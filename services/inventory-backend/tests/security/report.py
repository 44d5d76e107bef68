"""Which requirements of security hold: `python -m tests.security.report RESULTS...` reads what pytest wrote.

A requirement holds when a test with its id in the name (`test_a1_...`) passed, and none with it failed or was
skipped. `requirements.csv` lists them all, and says of some why they wait for what does not exist yet. What could not
be tried on this machine is open as well, and said to be; only what failed, or what nothing proves, is an error.
"""

import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

LIST = Path(__file__).with_name("requirements.csv")
_UNTRIED = ": could not be tried"
_ID = re.compile(r"test_([a-z]\d)_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A line of the checklist; `waits` says why it cannot hold yet, and is empty where it must.

    `needs` names a test that must be among its tests: one that is made outside of pytest, and may not have been.
    """

    id: str
    text: str
    waits: str
    needs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test: `trouble` is empty where it passed."""

    test: str
    trouble: str


def requirements() -> list[Requirement]:
    """Return the checklist, in its order."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return [
            Requirement(id=row["id"], text=row["requirement"], waits=row["waits"], needs=row["needs"])
            for row in csv.DictReader(file)
        ]


def outcomes(files: Sequence[Path]) -> dict[str, list[Outcome]]:
    """Return what became of each test that names a requirement, by the requirement's id."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for file in files:
        for case in ET.parse(file).iter("testcase"):  # noqa: S314  (pytest wrote it just now)
            if named := _ID.match(case.get("name", "")):
                found[named[1].upper()].append(Outcome(test=case.get("name", ""), trouble=_trouble(case)))
    return found


def open_ones(wanted: Sequence[Requirement], found: Mapping[str, Sequence[Outcome]]) -> Iterator[tuple[str, str]]:
    """Yield the id of each requirement that is not proven, and why."""
    for each in wanted:
        tests = found.get(each.id, [])
        troubled = [f"{one.test}: {one.trouble}" for one in tests if one.trouble]
        if each.needs and each.needs not in {one.test for one in tests}:
            troubled.append(f"{each.needs}{_UNTRIED}, it was not run on what is there now")
        if each.waits:
            if tests:
                yield each.id, "it has tests now: take away its reason to wait"
        elif not tests:
            yield each.id, "no test has its id"
        elif troubled:
            troubled.sort(key=lambda trouble: _UNTRIED in trouble)
            yield each.id, f"{troubled[0]}{f' (and {len(troubled) - 1} more)' if len(troubled) > 1 else ''}"


def main(arguments: Sequence[str]) -> int:
    """Print what is open and what waits, and `N/N requirements`; return 1 where something failed or is missing."""
    wanted = requirements()
    missing = dict(open_ones(wanted, outcomes([Path(name) for name in arguments])))
    due = [each for each in wanted if not each.waits or each.id in missing]
    texts = {each.id: each.text for each in wanted}
    lines = [f"  {id_:<4}{texts[id_]}\n      open: {reason}" for id_, reason in missing.items()]
    lines += [f"  {each.id:<4}{each.text}\n      waits: {each.waits}" for each in wanted if each not in due]
    print("\nSecurity requirements that are open or wait:", *lines, sep="\n")  # noqa: T201
    print(f"{len(due) - len(missing)}/{len(due)} requirements")  # noqa: T201
    return int(any(_UNTRIED not in reason for reason in missing.values()))


def _trouble(case: ET.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        if (element := case.find(kind)) is not None:
            said = (element.get("message") or "").strip().splitlines()
            return f"{'could not be tried' if kind == 'skipped' else 'failed'}{f', {said[0][:120]}' if said else ''}"
    return ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
