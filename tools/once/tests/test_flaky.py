import json
import re
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

from once.flaky import Flake, failed_tests, history


def task(script: str) -> str:
    return f"\n[tool.once.tasks.tests]\nrun = [['sh', '-c', '{script}']]\n"


@pytest.fixture
def flaky(tmp_path: Path) -> Workspace:
    """Return a workspace whose tests fail each time that they find no file `tried`, which they leave."""
    tried = tmp_path / "tried"
    script = (
        f"echo FAILED packages/lib/tests/test_lib.py::test - boom; test -e {tried} && rm {tried} || ! touch {tried}"
    )
    return workspace(tmp_path, {"lib": []}, tasks=task(script))


def test_a_flaky_job_is_said_and_green(flaky: Workspace) -> None:
    done = flaky.once("run", "tests")
    assert done.stderr == (
        "FAILED packages/lib/tests/test_lib.py::test - boom\ntests(lib) FLAKY: it failed, then passed; not stored\n"
    )
    assert (done.returncode, re.sub(r"\d+ ms", "N ms", done.stdout)) == (
        0,
        "tests: 0 of 1 from cache, 1 flaky in N ms\n",
    )


def test_a_flaky_job_is_no_hit(flaky: Workspace) -> None:
    for _ in range(2):
        (job,) = json.loads(flaky.once("run", "tests", "--json").stdout)["jobs"]
        assert (job["status"], job["stored"]) == ("flaky", False)


def test_flaky_failures_are_listed(flaky: Workspace) -> None:
    for _ in range(2):
        flaky.once("run", "tests")
    lines = flaky.once("flaky").stdout.splitlines()
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
    line = rf"{instant} tests\(lib\) failed with exit code 1, then passed: packages/lib/tests/test_lib\.py::test"
    assert [bool(re.fullmatch(line, each)) for each in lines[:2]] == [True, True]
    assert lines[2:] == ["2 flaky failures of 1 jobs"]
    found = json.loads(flaky.once("flaky", "tests", "--json").stdout)
    assert [(each["job"], each["exit_code"], each["tests"]) for each in found] == [
        ("tests(lib)", 1, ["packages/lib/tests/test_lib.py::test"])
    ] * 2
    assert flaky.once("flaky", "lint").stdout == "0 flaky failures of 0 jobs\n"


def test_no_retry(flaky: Workspace) -> None:
    done = flaky.once("run", "tests", "--no-retry")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (1, ["tests(lib) FAILED"])
    assert flaky.once("flaky").stdout == "0 flaky failures of 0 jobs\n"


@pytest.mark.parametrize(
    ("script", "words", "tries"),
    [
        ("exit 1", (), 2),
        ("exit 0", (), 1),
        ("exit 127", (), 1),  # a command that is not there
        ("exit 1", ("--no-retry",), 1),
        ("exit 1", ("--", "word"), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(tmp_path: Path, script: str, words: tuple[str, ...], tries: int) -> None:
    made = workspace(tmp_path, {"lib": []}, tasks=task(f"echo x >> {tmp_path}/tries; {script}"))
    done = made.once("run", "tests", *words)
    assert (done.returncode, (tmp_path / "tries").read_text()) == (int(script != "exit 0"), "x\n" * tries)


def test_failed_tests_of_pytests_output() -> None:
    log = (
        b"FAILED a/test_a.py::test_one[x-1] - assert 1 == 2\n"
        b"\x1b[31mFAILED\x1b[0m a/test_a.py::\x1b[1mtest_two\x1b[0m - boom\n"
        b"ERROR a/test_b.py - ImportError\n  FAILED no\nFAILED a/test_a.py::test_one[x-1] - again\n"
    )
    assert failed_tests(log) == ("a/test_a.py::test_one[x-1]", "a/test_a.py::test_two", "a/test_b.py")


def test_a_torn_line_of_the_history_is_skipped(tmp_path: Path) -> None:
    line = '{"when": "w", "job": "j", "key": "k", "exit_code": 1, "tests": ["t"]}'
    (tmp_path / "flaky").write_text(f"{line}\n{line[:30]}\n[]\n{{}}\n{line}\n")
    assert history(tmp_path) == [Flake("w", "j", "k", 1, ("t",))] * 2
