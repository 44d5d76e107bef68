"""This repository's own packages: which jobs a change affects, by the configuration that is in force.

The clone has every file of the repository under its name. Only what configures `once` has its content: this test reads
no other, so that a change of those does not run it again.
"""

import json
import subprocess
import tomllib
from collections.abc import Iterator

import pytest
from workspaces import ONCE, Workspace

from once import lock, metadata

ROOT = ONCE.parents[1]
SERVICE = "services/inventory-backend"
EVERY = {"audit", "configs", "devdb", "inventory-backend", "once", "rbac"}


def jobs(task: str, names: set[str]) -> set[str]:
    return {f"{task}({name})" for name in names}


ALSO = ("contracts", "documents")
# Reads all Python that is ours, and all of the lock.
OF_THE_REPOSITORY = {"repository(inventory-backend)"}
# The tests of the service, of what its documents say, and of who imports whom.
OF_THE_SERVICE = {f"{task}(inventory-backend)" for task in ("typecheck", "tests", "documents", "contracts")}


def configures(path: str) -> bool:
    return path == "uv.lock" or path.rpartition("/")[2] == "pyproject.toml"


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("repository")
    made = Workspace(folder / "clone", folder / "cache")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in listed.split("\0")[:-1]:
        if configures(path):
            if (ROOT / path).exists():
                made.write(path, (ROOT / path).read_text(encoding="utf-8"))
        else:
            made.write(path, "# as it was\n")
    made.write(".gitignore", ".venv/\n")
    made.begin()
    return made


@pytest.fixture
def clone(committed: Workspace) -> Iterator[Workspace]:
    """Give the clone to a test, and take back what it changed."""
    yield committed
    committed.git("checkout", "--quiet", "--", ".")


def affected(clone: Workspace) -> set[str]:
    done = clone.once("affected", "--base", "HEAD", "--json")
    assert (done.stderr, done.returncode) == ("", 0)
    return {f"{row['task']}({row['package']})" for row in json.loads(done.stdout)}


def bump(clone: Workspace, name: str) -> None:
    """Give a locked package another version."""
    text = (clone.root / "uv.lock").read_text(encoding="utf-8")
    before, found, after = text.partition(f'[[package]]\nname = "{name}"\nversion = "')
    assert found, f"{name} is not locked"
    clone.write("uv.lock", f'{before}{found}99.{after.partition('"')[0]}"{after.partition('"')[2]}')


def test_nothing_is_affected_by_nothing(clone: Workspace) -> None:
    assert affected(clone) == set()


def test_a_change_in_audit_affects_audit_and_the_service(clone: Workspace) -> None:
    clone.write("libs/audit/src/audit/_events.py", "# changed\n")
    own = {"lint(audit)", "typecheck(audit)", "security(audit)", "tests(audit)"}
    assert affected(clone) == own | OF_THE_SERVICE | OF_THE_REPOSITORY


def test_a_change_in_the_tests_of_audit_affects_audit_alone(clone: Workspace) -> None:
    clone.write("libs/audit/tests/test_record.py", "# changed\n")
    own = {"lint(audit)", "typecheck(audit)", "security(audit)", "tests(audit)"}
    assert affected(clone) == own | OF_THE_REPOSITORY


def test_a_change_in_devdb_affects_those_whose_tests_need_a_database(clone: Workspace) -> None:
    clone.write("tools/devdb/src/devdb/_server.py", "# changed\n")
    users = jobs("typecheck", {"audit", "rbac", "devdb"}) | jobs("tests", {"audit", "rbac", "devdb"})
    assert affected(clone) == users | OF_THE_SERVICE | OF_THE_REPOSITORY | {"lint(devdb)", "security(devdb)"}


@pytest.mark.parametrize("path", ["docs/how-to/import-csv.md", "docs/adr/README.md", "README.md", "CHANGELOG.md"])
def test_a_document_runs_only_the_test_of_documents(clone: Workspace, path: str) -> None:
    clone.write(path, "# changed\n")
    assert affected(clone) == {"documents(inventory-backend)"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".ci/run", set()),
        # What they call is pinned, which is looked at.
        (".github/workflows/ci.yml", OF_THE_REPOSITORY),
        (".pre-commit-config.yaml", OF_THE_REPOSITORY),
    ],
)
def test_what_runs_the_sessions_runs_none_of_them(clone: Workspace, path: str, expected: set[str]) -> None:
    clone.write(path, "# changed\n")
    assert affected(clone) == expected


def test_the_published_schema_is_tested_by_the_service(clone: Workspace) -> None:
    clone.write("docs/reference/openapi.json", "{}\n")
    assert affected(clone) == {"documents(inventory-backend)", "tests(inventory-backend)"}


def test_the_readme_of_a_library_is_its_own(clone: Workspace) -> None:
    clone.write("libs/audit/README.md", "# changed\n")
    own = {"lint(audit)", "typecheck(audit)", "security(audit)", "tests(audit)"}
    assert affected(clone) == own | {"documents(inventory-backend)"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("structlog", OF_THE_SERVICE),
        # openapi-python-client, of the group of tests, brings ruff along.
        ("ruff", jobs("lint", EVERY) | jobs("tests", EVERY) | {f"{task}(inventory-backend)" for task in ALSO}),
        ("bandit", jobs("security", EVERY)),
        ("mypy", jobs("typecheck", EVERY)),
        ("pytest-xdist", jobs("tests", EVERY) | {"documents(inventory-backend)"}),
        ("nox", set()),
    ],
)
def test_a_locked_version_affects_what_resolves_to_it(clone: Workspace, name: str, expected: set[str]) -> None:
    bump(clone, name)
    assert affected(clone) == expected | OF_THE_REPOSITORY | {"repository(once)"}  # read all of the lock


def test_every_package_is_typed_strictly() -> None:
    # mypy takes a file without a section for one that asks for nothing.
    members = [file for file in ROOT.glob("*/*/pyproject.toml") if file.parent.name != "inventory-backend"]
    for file in [*members, ROOT / "pyproject.toml", ROOT / "configs/pyproject.toml"]:
        assert tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["mypy"]["strict"] is True, file


def test_the_lock_is_the_same_whoever_reads_it() -> None:
    assert metadata.finish(metadata.start(str(ROOT)), str(ROOT)) == lock.read((ROOT / "uv.lock").read_bytes())
