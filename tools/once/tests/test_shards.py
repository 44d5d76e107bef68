import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_workspaces import pytest_workspace
from workspaces import Workspace

from once.parts import dealt
from once.shards import Shard, cut, is_test_file, parse
from once.workspace import BadWorkspace

names = st.text("abc/_", min_size=1, max_size=6)
timed = st.dictionaries(names, st.floats(0, 100), max_size=40)


@given(timed, st.integers(1, 9))
def test_all_files_are_in_one_part_each(seconds: dict[str, float], count: int) -> None:
    parts = cut(seconds, count)
    assert len(parts) == count
    assert sorted(file for part in parts for file in part) == sorted(seconds)


@given(timed, st.integers(1, 9))
def test_parts_do_not_depend_on_order(seconds: dict[str, float], count: int) -> None:
    assert cut(dict(reversed(seconds.items())), count) == cut(seconds, count)


@given(timed, st.integers(1, 9))
def test_no_part_is_longer_than_the_others_by_more_than_a_file(seconds: dict[str, float], count: int) -> None:
    loads = [sum(seconds[file] for file in part) for part in cut(seconds, count)]
    assert max(loads) - min(loads) <= max(seconds.values(), default=0) + 1e-9 * sum(loads)


def test_the_longest_goes_first_to_the_shortest_part() -> None:
    assert cut({"a": 5, "b": 4, "c": 3, "d": 3, "e": 3}, 2) == [["a", "d"], ["b", "c", "e"]]


@given(names, st.integers(1, 9))
def test_a_name_is_dealt_to_one_part(name: str, count: int) -> None:
    assert sum(dealt(name, number=number, count=count) for number in range(1, count + 1)) == 1


def test_parts_are_written_as_a_fraction() -> None:
    assert parse("2/3") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"
    assert parse("2/3@5d0a6c1") == Shard(2, 3, "5d0a6c1")


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3", "1 / 2", "1/2@", "1/2@x"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(BadWorkspace, match=re.escape(f"--shard {text}: write which part of how many, such as 1/4")):
        parse(text)


@pytest.mark.parametrize(
    ("path", "is_one"), [("a/test_b.py", True), ("b_test.py", True), ("a/conftest.py", False), ("test_/b.py", False)]
)
def test_names_of_test_files(path: str, *, is_one: bool) -> None:
    assert is_test_file(path) is is_one


TESTS = {
    "tests/test_slow.py": "import time\ndef test_one():\n    time.sleep(0.4)\ndef test_two(): pass\n",
    "tests/test_a.py": "def test(): pass\n",
    "tests/test_b.py": "class TestB:\n    def test(self): pass\n",
    "tests/deep/test_a.py": "def test(): pass\n",
    "tests/check_c.py": "def test(): pass\n",  # by the settings below
    "conftest.py": "",
}


@pytest.fixture
def app(tmp_path: Path) -> Workspace:
    made = pytest_workspace(tmp_path, TESTS)
    top = made.root / "pyproject.toml"
    top.write_text(top.read_text() + 'python_files = ["test_*.py", "check_*.py"]\n')
    return made


def cases(made: Workspace, *words: str) -> list[str]:
    """Run, and return which tests ran, as the report has them."""
    done = made.once("run", "tests", *words)
    assert (done.returncode, done.stderr.count(" passed in ") + done.stderr.count("from cache")) == (0, 1), done.stderr
    report = ET.parse(made.root / "build/app.xml")  # noqa: S314  # our own report
    return sorted(f"{case.get('classname')}.{case.get('name')}" for case in report.iter("testcase"))


EVERY = sorted(
    [
        *("packages.app.tests.test_slow.test_one", "packages.app.tests.test_slow.test_two"),
        *("packages.app.tests.test_a.test", "packages.app.tests.test_b.TestB.test"),
        *("packages.app.tests.deep.test_a.test", "packages.app.tests.check_c.test"),
    ]
)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_parts_of_a_run_are_all_its_tests(app: Workspace, count: int) -> None:
    parts = [cases(app, "--shard", f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(case for part in parts for case in part) == EVERY


def test_parts_are_cut_by_recorded_seconds(app: Workspace) -> None:
    assert cases(app) == EVERY
    app.write("packages/app/conftest.py", "X = 1\n")  # seconds are those of earlier inputs
    slow = ["packages.app.tests.test_slow.test_one", "packages.app.tests.test_slow.test_two"]
    parts = [cases(app, "--shard", f"{number}/2") for number in (1, 2)]
    mine = [[case for case in part if "check_c" not in case] for part in parts]  # that one is dealt by its name
    assert mine == [slow, [case for case in EVERY if "slow" not in case and "check_c" not in case]]


def test_a_part_is_cached_as_such(app: Workspace) -> None:
    words = ("--json", "--shard", "1/2")
    assert '"status": "passed"' in app.once("run", "tests", *words).stdout
    assert '"status": "hit"' in app.once("run", "tests", *words).stdout
    assert '"status": "passed"' in app.once("run", "tests", "--json", "--shard", "2/2").stdout
    assert '"status": "passed"' in app.once("run", "tests", "--json").stdout


def test_parts_of_a_plan_are_all_its_tests(app: Workspace) -> None:
    words = json.loads(app.once("plan", "tests", "--shards", "3", "--json").stdout)
    assert [word.partition("@")[0] for word in words] == ["1/3", "2/3", "3/3"]
    assert app.once("plan", "tests", "--shards", "3").stdout.split() == words
    parts = [cases(app, "--shard", word) for word in words]
    assert sorted(case for part in parts for case in part) == EVERY


def test_a_part_of_another_plan_is_refused(app: Workspace) -> None:
    first, second = app.once("plan", "tests", "--shards", "2").stdout.split()
    cases(app, "--shard", first)
    app.write("packages/app/tests/test_new.py", "def test(): pass\n")
    done = app.once("run", "tests", "--shard", second)
    plan = app.once("plan", "tests", "--shards", "2").stdout.split()[1].partition("@")[2]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"once: --shard {second}: here the plan is {plan}; begin with the checkout, ")


def test_a_plan_is_another_where_seconds_cut_otherwise(app: Workspace) -> None:
    before = app.once("plan", "tests", "--shards", "2").stdout
    assert cases(app) == EVERY
    assert app.once("plan", "tests", "--shards", "2").stdout == before  # those of the same inputs are not looked at
    app.write("packages/app/conftest.py", "X = 1\n")
    assert app.once("plan", "tests", "--shards", "2").stdout != before


def test_a_plan_has_a_part(app: Workspace) -> None:
    done = app.once("plan", "tests", "--shards", "0")
    assert (done.returncode, done.stderr) == (2, "once: --shards 0: into how many parts, such as 4\n")
