"""The report says what the results say: a requirement without a passing test is open."""

from pathlib import Path

from tests.security.report import Outcome, Requirement, open_ones, outcomes, requirements

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
        "D4": [Outcome(test="test_d4_waits", trouble="skipped, bao is not installed")],
    }


def test_open_is_what_has_no_test_or_one_that_did_not_pass(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    file.write_text(JUNIT, encoding="utf-8")
    wanted = [_wanted("A1"), _wanted("A2"), _wanted("A3"), _wanted("D4"), _wanted("F1", waits="no files yet")]
    assert dict(open_ones(wanted, outcomes([file]))) == {
        "A2": "test_a2_breaks: failed, assert 1 == 2",
        "A3": "no test has its id",
        "D4": "test_d4_waits: skipped, bao is not installed",
    }


def test_what_waits_may_have_no_test() -> None:
    found = {"F1": [Outcome(test="test_f1_is_here", trouble="")]}
    assert dict(open_ones([_wanted("F1", waits="no files yet")], found)) == {
        "F1": "it has tests now: take away its reason to wait"
    }


def test_every_line_of_the_checklist_is_listed_once() -> None:
    ids = [each.id for each in requirements()]
    assert (len(ids), len(set(ids))) == (51, 51)
    assert {id_[0] for id_ in ids} == set("ATPSHFLDBC")
