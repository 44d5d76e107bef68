import json
import re
import time
from pathlib import Path

import pytest
from workspaces import Workspace, lock, workspace

EDGES = {"base": ["django"], "lib": ["base"], "app": ["lib"], "other": []}
VERSIONS = {"django": "6.1.2"}


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, EDGES, versions=VERSIONS)


def lines(made: Workspace, *words: str) -> list[str]:
    done = made.once(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return [re.sub(r"\b[0-9a-f]{7}\b", "ID", line) for line in done.stdout.splitlines()]


def test_affected_by_a_leaf_and_a_root(repo: Workspace) -> None:
    assert lines(repo, "affected") == []
    repo.write("packages/app/src/m0.py", "x = 7\n")
    assert lines(repo, "affected", "--base", "main") == ["app"]
    repo.git("checkout", "-qb", "side")
    repo.write("packages/base/src/m0.py", "x = 7\n")
    repo.commit()
    assert lines(repo, "affected") == ["app", "base", "lib"]
    repo.git("revert", "--no-edit", "HEAD")
    assert lines(repo, "affected") == []


def test_affected_as_json(repo: Workspace) -> None:
    repo.write("packages/lib/tests/test_lib.py", "")
    assert json.loads(*lines(repo, "affected", "tests", "--json")) == [
        {"task": "tests", "package": "lib", "path": "packages/lib"}
    ]


def test_affected_by_the_lock_and_by_a_new_package(repo: Workspace) -> None:
    edges = EDGES | {"new": []}
    repo.write("uv.lock", lock(edges, versions={"django": "6.1.3"}, groups={}))
    repo.write("packages/new/pyproject.toml", '[project]\nname = "new"\n')
    assert lines(repo, "affected") == ["app", "base", "lib", "new"]


def test_affected_needs_a_base(repo: Workspace) -> None:
    done = repo.once("affected", "--base", "nope")
    assert done.returncode == 2
    assert done.stderr.startswith("once: git knows no revision 'nope' here: ")
    assert done.stderr.endswith("in a shallow clone fetch it first: git fetch origin nope\n")


def test_why(repo: Workspace) -> None:
    assert (
        re.sub(r"\(lib\) \w+", "(lib) ID", "\n".join(lines(repo, "why", "lib", "tests")))
        == "tests(lib) ID: never passed here"
    )
    repo.statuses()
    assert lines(repo, "why", "lib", "tests")[0].endswith(": cached")
    repo.write("packages/base/src/m0.py", "x = 7\n")
    repo.write("packages/lib/src/new.py", "")
    (repo.root / "packages/lib/src/m1.py").unlink()
    repo.write("uv.lock", lock(EDGES, versions={"django": "6.1.3"}, groups={}))
    assert lines(repo, "why", "lib", "tests")[1:] == [
        "  packages/lib/src/m1.py removed",
        "  packages/lib/src/new.py added",
        "  django 6.1.2 -> 6.1.3",
        "  packages/base/src/m0.py ID -> ID",
    ]


def test_why_compares_with_the_nearest_pass(repo: Workspace) -> None:
    repo.statuses()
    repo.write("packages/lib/src/m0.py", "x = 7\n")
    repo.write("packages/base/src/m0.py", "x = 7\n")
    repo.statuses()
    repo.write("packages/lib/src/m0.py", "x = 8\n")
    assert lines(repo, "why", "lib", "tests")[1:] == ["  packages/lib/src/m0.py ID -> ID"]
    assert json.loads(repo.once("why", "lib", "tests", "--json").stdout)["job"] == "tests(lib)"


def test_plan(repo: Workspace) -> None:
    assert lines(repo, "plan", "tests", "-p", "lib") == ["run    tests(lib) (never run here)"]
    repo.statuses()
    repo.write("packages/app/src/m0.py", "x = 7\n")
    first, *cached = (re.sub(r"\d\.\d", "N", line) for line in lines(repo, "plan", "tests"))
    assert first == "run    tests(app) (N s)"
    assert sorted(cached) == [
        "cached tests(base) (N s)",
        "cached tests(lib) (N s)",
        "cached tests(other) (N s)",
    ]


def test_graph(repo: Workspace) -> None:
    assert lines(repo, "graph") == ["app -> lib", "base", "lib -> base", "other"]
    assert json.loads("\n".join(lines(repo, "graph", "--format", "json"))) == {
        "app": ["lib"], "base": [], "lib": ["base"], "other": [],
    }  # fmt: skip
    assert lines(repo, "graph", "--format", "mermaid") == [
        "graph LR", "    app --> lib", "    lib --> base", "    base", "    other",
    ]  # fmt: skip
    picture = "\n".join(lines(repo, "graph", "--format", "svg"))
    assert (picture.count("<rect"), picture.count("<path")) == (4, 2)


def test_the_cache_is_counted_bounded_and_checked(repo: Workspace) -> None:
    repo.statuses()
    figures = json.loads(repo.once("cache", "stats", "--json").stdout)
    assert (figures["results"], figures["files"]) == (4, 5)
    assert json.loads(repo.once("cache", "verify", "--json").stdout) == {"checked": 5, "removed": 0}
    (repo.cache / "ac").joinpath(next((repo.cache / "ac").iterdir())).write_text("torn")
    done = repo.once("cache", "verify", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"checked": 5, "removed": 1})
    left = sum(
        file.stat().st_size for name in ("ac", "cas") for file in (repo.cache / name).rglob("*") if file.is_file()
    )
    assert json.loads(repo.once("cache", "gc", "--size", "0", "--json").stdout) == {"removed": 4, "bytes": left}
    assert (repo.cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert set(repo.statuses().values()) == {"passed"}


def test_what_the_cache_has_no_more_is_no_hit(repo: Workspace) -> None:
    repo.statuses()
    time.sleep(3.1)  # git's index is settled: from the next run on a script answers, and reads no result
    for _ in range(2):
        assert set(repo.statuses().values()) == {"hit"}
    repo.once("cache", "gc", "--size", "0")
    assert set(repo.statuses().values()) == {"passed"}


def test_a_small_cache_keeps_what_was_used_last(repo: Workspace) -> None:
    repo.statuses()
    size = max(file.stat().st_size for file in (repo.cache / "ac").iterdir())
    for _ in range(2):
        repo.once("run", "tests", "-p", "lib", "--replay")
    repo.once("cache", "gc", "--size", str(size))
    assert len(list((repo.cache / "ac").iterdir())) == 1
    assert [row["cached"] for row in json.loads(repo.once("plan", "tests", "-p", "lib", "--json").stdout)] == [True]


def test_outside_of_a_workspace(repo: Workspace, tmp_path: Path) -> None:
    done = repo.once("run", "tests", cwd="..")
    assert done.returncode == 2
    assert done.stderr == "once: No uv workspace here: a pyproject.toml beside a uv.lock is needed; run `uv lock`\n"


def test_from_a_folder_inside(repo: Workspace) -> None:
    done = repo.once("run", "tests", cwd="packages/lib/src")
    assert done.returncode == 0
    assert (repo.root / "packages/lib/out/r").read_text() == "made lib\n"


def test_the_same_answer_again(repo: Workspace) -> None:
    repo.write('packages/app/"odd".txt', "")
    time.sleep(3.1)  # the second in which git's index was written must be over
    first, again = (repo.once("affected", "--json").stdout for _ in range(2))
    assert first == again == '[{"task": "tests", "package": "app", "path": "packages/app"}]\n'
    repo.statuses()
    assert lines(repo, "affected") == ["app"]
    repo.commit()
    assert lines(repo, "affected") == []
    assert lines(repo, "affected", "--base", "HEAD^") == ["app"]
    repo.write("packages/lib/src/m0.py", "x = 7\n")
    assert lines(repo, "affected") == ["app", "lib"]
