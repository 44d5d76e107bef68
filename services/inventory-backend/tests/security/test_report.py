"""The report says what the results say: a requirement without a passing test is open."""

from pathlib import Path

import pytest

from tests.security.report import Outcome, Requirement, main, open_ones, outcomes, requirements

JUNIT = """<testsuites><testsuite>
<testcase name="test_a1_holds[x]"/>
<testcase name="test_a2_breaks"><failure message="assert 1 == 2&#10;more"/></testcase>
<testcase name="test_a2_holds"/>
<testcase name="test_d4_waits"><skipped message="bao is not installed"/></testcase>
<testcase name="test_I5_is_no_requirement_of_this_list"/>
<testcase name="test_another"/>
</testsuite></testsuites>"""


def _wanted(id_: str, waits: str = "") -> Requirement:
    return Requirement(id=id_, text="", waits=waits)


def test_outcomes_are_read_from_the_names_of_tests(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    file.write_text(JUNIT, encoding="utf-8")
    assert outcomes([file]) == {
        "A1": [Outcome(test="test_a1_holds[x]", trouble="")],
        "A2": [
            Outcome(test="test_a2_breaks", trouble="failed, assert 1 == 2"),
            Outcome(test="test_a2_holds", trouble=""),
        ],
        "D4": [Outcome(test="test_d4_waits", trouble="could not be tried, bao is not installed")],
    }


def test_open_is_what_has_no_test_or_one_that_did_not_pass(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    file.write_text(JUNIT, encoding="utf-8")
    wanted = [_wanted("A1"), _wanted("A2"), _wanted("A3"), _wanted("D4"), _wanted("F1", waits="no files yet")]
    assert dict(open_ones(wanted, outcomes([file]))) == {
        "A2": "test_a2_breaks: failed, assert 1 == 2",
        "A3": "no test has its id",
        "D4": "test_d4_waits: could not be tried, bao is not installed",
    }


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ('<testcase name="test_{0}_holds"/>', 0),
        ('<testcase name="test_{0}_waits"><skipped message="no network"/></testcase>', 0),
        ('<testcase name="test_{0}_fails"><failure message="no"/></testcase>', 1),
        ('<testcase name="test_{0}_a"><skipped/></testcase><testcase name="test_{0}_b"><error/></testcase>', 1),
    ],
)
def test_only_what_failed_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], results: str, code: int
) -> None:
    due = [each for each in requirements() if not each.waits]
    results += '<testcase name="test_c1_the_lock_has_no_known_vulnerability"/>'
    passed = "".join(f'<testcase name="test_{each.id.lower()}_holds"/>' for each in due[1:])
    file = tmp_path / "results.xml"
    file.write_text(f"<suite>{passed}{results.format(due[0].id.lower())}</suite>", encoding="utf-8")
    assert main([str(file)]) == code
    proven = len(due) - (0 if results.startswith('<testcase name="test_{0}_holds"') else 1)
    assert capsys.readouterr().out.splitlines()[-1] == f"{proven}/{len(due)} requirements"


def test_what_nothing_proves_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.xml"
    file.write_text("<suite/>", encoding="utf-8")
    assert main([str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0/48 requirements"


AUDIT = "test_c1_the_lock_has_no_known_vulnerability"


@pytest.mark.parametrize(
    ("audit", "reason"),
    [
        ("", f"{AUDIT}: could not be tried, it was not run on what is there now"),
        (
            f'<testcase name="{AUDIT}"><skipped message="the advisory service could not be asked"/></testcase>',
            f"{AUDIT}: could not be tried, the advisory service could not be asked",
        ),
        (
            f'<testcase name="{AUDIT}"><failure message="pip-audit found"/></testcase>',
            f"{AUDIT}: failed, pip-audit found",
        ),
        (f'<testcase name="{AUDIT}"/>', None),
    ],
    ids=["not run", "not reachable", "vulnerable", "clean"],
)
def test_the_lock_is_proven_by_its_audit_alone(tmp_path: Path, audit: str, reason: str | None) -> None:
    file = tmp_path / "results.xml"
    file.write_text(f'<suite><testcase name="test_c1_everything_is_locked"/>{audit}</suite>', encoding="utf-8")
    wanted = [each for each in requirements() if each.id == "C1"]
    assert dict(open_ones(wanted, outcomes([file]))) == ({} if reason is None else {"C1": reason})


def test_the_tests_of_several_packages_prove_one_requirement_together(tmp_path: Path) -> None:
    files = [tmp_path / "audit.xml", tmp_path / "inventory-backend.xml"]
    files[0].write_text('<suite><testcase name="test_l3_an_edit_shows"/></suite>', encoding="utf-8")
    broken = '<suite><testcase name="test_l3_by_api"><error message="no database"/></testcase></suite>'
    files[1].write_text(broken, encoding="utf-8")
    assert dict(open_ones([_wanted("L3")], outcomes(files[:1]))) == {}
    assert dict(open_ones([_wanted("L3")], outcomes(files))) == {"L3": "test_l3_by_api: failed, no database"}


def test_what_waits_may_have_no_test() -> None:
    found = {"F1": [Outcome(test="test_f1_is_here", trouble="")]}
    assert dict(open_ones([_wanted("F1", waits="no files yet")], found)) == {
        "F1": "it has tests now: take away its reason to wait"
    }


def test_every_line_of_the_checklist_is_listed_once() -> None:
    ids = [each.id for each in requirements()]
    assert (len(ids), len(set(ids))) == (53, 53)
    assert {id_[0] for id_ in ids} == set("ATPSHFLDBCX")
