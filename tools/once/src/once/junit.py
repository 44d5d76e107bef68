"""JUnit reports of pytest: which test file each case is of, how long it took, and one report of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from xml.etree.ElementTree import Element  # nosec B405

_COUNTS = ("tests", "failures", "errors", "skipped")


def seconds(report: bytes, files: Collection[str]) -> dict[str, float]:
    """Return the seconds of each of the files that has cases in a report."""
    found: dict[str, float] = {}
    for case in _cases(_parsed(report)):
        file = file_of(case, files)
        if file is not None:
            found[file] = found.get(file, 0.0) + float(case.get("time") or 0)
    return found


def cases(report: bytes) -> list[tuple[str, ...]]:
    """Return what a report says of each case, without times and output, sorted."""
    found = _cases(_parsed(report))
    return sorted((case.get("classname", ""), case.get("name", ""), *(each.tag for each in case)) for case in found)


def merged(report: bytes, before: bytes, kept: Collection[str]) -> bytes:
    """Return a report with the cases that the kept files have in an earlier one; as it is where one is no report."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415  # as in _parsed  # nosec B405

    document, earlier = _parsed(report), _parsed(before)
    suite = next((each for each in document.iter("testsuite")), None) if document is not None else None
    if document is None or suite is None:
        return report
    old = [case for case in _cases(earlier) if file_of(case, kept) is not None]
    suite.extend(old)
    added = {
        "tests": len(old),
        "failures": 0,  # what is kept has passed
        "errors": 0,
        "skipped": sum(case.find("skipped") is not None for case in old),
    }
    for each in {suite, document}:
        for name in _COUNTS:
            if each.get(name) is not None:
                each.set(name, str(int(each.get(name, "0")) + added[name]))
        if each.get("time") is not None:
            spent = sum(float(case.get("time") or 0) for case in old)
            each.set("time", f"{float(each.get('time', '0')) + spent:.3f}")
    text: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return text


def file_of(case: Element, files: Iterable[str]) -> str | None:
    """Return of which file a case is: pytest writes the file's name from its root folder, with dots, then classes."""
    named = case.get("file")
    classname = f"{case.get('classname', '')}."
    best, length = None, 0
    for file in files:
        if named is not None and file.endswith(named):
            return file
        parts = file.removesuffix(".py").split("/")
        for start in range(len(parts)):
            dotted = ".".join(parts[start:])
            if classname.startswith(f"{dotted}.") and len(dotted) > length:
                best, length = file, len(dotted)
    return best


def _cases(document: Element | None) -> list[Element]:
    return [] if document is None else list(document.iter("testcase"))


def _parsed(report: bytes) -> Element | None:
    # Few runs have reports to read, and what reads them is a tenth of a short run's start.
    from xml.etree import ElementTree as ET  # noqa: PLC0415  # nosec B405

    try:
        return ET.fromstring(report)  # noqa: S314  # what our own jobs wrote  # nosec B314
    except ET.ParseError:
        return None
