import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from workspaces import Workspace, workspace

from once.store import LocalStore, Result
from once.verify import differences, timeless

EDGES = {"base": [], "lib": ["base"], "app": ["lib"]}


def task(script: str, rest: str = "") -> str:
    return f"\n[tool.once.tasks.tests]\nrun = [['sh', '-c', '{script}']]\n{rest}\n"


@pytest.fixture
def passed(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, EDGES)
    assert set(made.statuses().values()) == {"passed"}
    return made


def verified(made: Workspace, *words: str) -> tuple[int, dict[str, object]]:
    done = made.once("verify", "--json", *words)
    found = json.loads(done.stdout)
    del found["seconds"]
    return done.returncode, found


def poison(made: Workspace, package: str, **changed: Any) -> str:
    """Alter what the cache holds of a package's tests, checksum and all, and return its key."""
    jobs = json.loads(made.once("run", "tests", "-p", package, "--json").stdout)["jobs"]
    store, key = LocalStore(made.cache), jobs[0]["key"]
    result = store.get(key)
    assert result is not None
    store.put(key, replace(result, **changed))
    return str(key)


def test_right_hits_are_right(passed: Workspace) -> None:
    code, found = verified(passed, "--sample", "100%")
    assert code == 0
    assert {name: found[name] for name in ("hits", "sampled", "right", "varying", "wrong")} == {
        "hits": 3,
        "sampled": 3,
        "right": 3,
        "varying": 0,
        "wrong": 0,
    }
    assert set(passed.statuses().values()) == {"hit"}


@pytest.mark.parametrize(("words", "sampled"), [((), 1), (("--sample", "2"), 2), (("--sample", "9"), 3)])
def test_a_sample_is_a_share_or_a_number(passed: Workspace, words: tuple[str, ...], sampled: int) -> None:
    assert verified(passed, *words)[1]["sampled"] == sampled


@pytest.mark.parametrize("text", ["five", "0.5", "-1", "5%%"])
def test_a_sample_that_is_none_is_a_wrong_call(passed: Workspace, text: str) -> None:
    done = passed.once("verify", f"--sample={text}")
    assert done.stderr == f"once: --sample {text}: write a share such as 5%, or a number of jobs\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"log": b"ran something else\n"}, "log"),
        ({"outputs": {"packages/lib/out/r": ("100644", b"made bad\n")}}, "packages/lib/out/r"),
        ({"outputs": {"packages/lib/out/r": ("100755", b"made lib\n")}}, "packages/lib/out/r"),
        ({"outputs": {}}, "packages/lib/out/r"),
    ],
)
def test_a_wrong_hit_is_named_and_removed(passed: Workspace, changed: dict[str, Any], named: str) -> None:
    key = poison(passed, "lib", **changed)
    done = passed.once("verify", "tests", "--sample", "100%")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"tests(lib) {key[:7]}: WRONG HIT, removed: differs in {named}"
    assert done.stdout.splitlines()[1].startswith("verify: 2 of 3 hits are right (of 3 cached) in ")
    # Neither the store nor what the last run remembers answers with it.
    assert passed.statuses() == {"tests(app)": "hit", "tests(base)": "hit", "tests(lib)": "passed"}


def test_a_hit_of_what_now_fails_is_wrong(tmp_path: Path) -> None:
    # A native program reads what nobody declares: no trace sees that, a second run does.
    made = workspace(tmp_path, {"lib": []}, tasks=task("test ! -e bad"))
    made.write(".gitignore", ".venv/\nbad\n")
    made.commit()
    made.statuses()
    made.write("bad", "")
    assert made.statuses() == {"tests(lib)": "hit"}
    code, found = verified(made)
    assert code == 1
    assert isinstance(found["jobs"], list)
    assert found["jobs"][0]["wrong"] == ["exit code"]
    assert made.statuses() == {"tests(lib)": "failed"}


def test_what_differs_from_run_to_run_is_no_wrong_hit(tmp_path: Path) -> None:
    script = "mkdir -p {path}/out; echo $$ > {path}/out/pid; echo same > {path}/out/same; date +%s.%N"
    made = workspace(tmp_path, {"lib": []}, tasks=task(script, 'outputs = ["out"]'))
    made.statuses()
    code, found = verified(made)
    assert isinstance(found["jobs"], list)
    assert (code, found["jobs"][0]["varying"], found["jobs"][0]["wrong"]) == (0, ["log", "packages/lib/out/pid"], [])
    poison(made, "lib", outputs={"packages/lib/out/pid": ("100644", b"1"), "packages/lib/out/same": ("100644", b"1")})
    code, found = verified(made)
    assert isinstance(found["jobs"], list)
    assert (code, found["jobs"][0]["wrong"]) == (1, ["packages/lib/out/same"])


def test_what_changes_meanwhile_is_not_compared(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"lib": []}, tasks=task("test ! -e go || date +%N > {path}/src/m0.py"))
    made.write(".gitignore", ".venv/\ngo\n")
    made.commit()
    made.statuses()
    made.write("go", "")
    code, found = verified(made)
    assert isinstance(found["jobs"], list)
    assert code == 3
    assert found["jobs"][0]["unknown"].startswith("its inputs changed while it ran: packages/lib/src/m0.py ")


def test_an_empty_cache_has_nothing_to_verify(passed: Workspace) -> None:
    shutil.rmtree(passed.cache)
    done = passed.once("verify")
    assert (done.returncode, done.stdout[:46]) == (0, "verify: 0 of 0 hits are right (of 0 cached) in")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (b"== 3 passed in 0.12s ==", b"=== 3 passed in 1.50s ===", True),
        (b"== 3 passed in 0.12s ==", b"=== 4 passed in 0.12s ===", False),
        (
            b'<testsuite time="0.1" timestamp="2026-11-23T13:30:43.12+00:00">',
            b'<testsuite time="2" timestamp="2026-11-24T13:30:43.1+00:00">',
            True,
        ),
        (b'<testcase name="a" time="0.001"/>', b'<testcase name="b" time="0.001"/>', False),
        (b"took 13 ms", b"took 14 ms", True),
        (b"took 13 m", b"took 14 m", False),
        (b"limit 10", b"limit 11", False),
    ],
)
def test_times_are_no_difference(left: bytes, right: bytes, *, same: bool) -> None:
    assert (timeless(left) == timeless(right)) is same
    pair = [Result(exit_code=0, log=log, seconds=0, manifest=b"") for log in (left, right)]
    assert differences(*pair) == (() if same else ("log",))


def test_what_the_last_run_knows_does_not_answer_with_a_removed_hit(tmp_path: Path) -> None:
    passed = workspace(tmp_path, EDGES, tasks=task("echo {name}"))  # no output that the verifying run would touch
    passed.statuses()
    time.sleep(3.1)  # the second in which git's index was written must be over, for the memo to answer
    assert set(passed.statuses().values()) == {"hit"}
    poison(passed, "lib", log=b"ran something else\n")
    assert passed.once("run", "tests").stdout.startswith("tests: 3 of 3 from cache in ")
    assert passed.once("verify", "--sample", "3").returncode == 1
    assert passed.once("run", "tests").stdout.startswith("tests: 2 of 3 from cache, 1 passed in ")
