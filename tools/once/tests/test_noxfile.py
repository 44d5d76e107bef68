"""This repository's noxfile, in a small workspace: one call of once for a session, words for the tool, the table."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from workspaces import ONCE, Workspace, workspace

NOXFILE = ONCE.parents[1] / "noxfile.py"
TASKS = """
[tool.once.tasks.tests]
run = [["pytest", "{path}/tests", "--disable-plugin-autoload", "--junit-xml=build/tests/{name}.xml"]]
inputs = ["/pyproject.toml"]
outputs = ["/build/tests/{name}.xml"]

[tool.once.tasks.lint]
run = [["true"]]
upstream = false
"""
# `documents` is of one package: the session has it, and that package's.
DOCUMENTS = """
[tool.once.tasks.documents]
run = [
    [
        "pytest",
        "{path}/words",
        "--disable-plugin-autoload",
        "--rootdir={path}",
        "--junit-xml=build/tests/{name}-documents.xml",
    ],
]
inputs = ["/pyproject.toml"]
outputs = ["/build/tests/{name}-documents.xml"]
"""
TABLE = """
package                              ran  failed  skipped
app                                    1       0        0
app: documents                         1       0        0
base                                   1       0        0
total                                  3       0        0
"""


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, {"base": [], "app": ["base"]}, tasks=TASKS)
    made.write("noxfile.py", NOXFILE.read_text(encoding="utf-8"))
    text = (made.root / "packages/app/pyproject.toml").read_text(encoding="utf-8")
    made.write("packages/app/pyproject.toml", text + DOCUMENTS)
    made.write("packages/app/words/test_words.py", "def test_words() -> None:\n    pass\n")
    made.commit()
    return made


def nox(repo: Workspace, *words: str) -> tuple[int, str]:
    """Run nox and return its exit code and what it and once printed, without times."""
    command = [sys.executable, "-m", "nox", *words]
    done = subprocess.run(command, cwd=repo.root, env=repo.environment(), check=False, stdout=-1, stderr=-2, text=True)
    return done.returncode, re.sub(r"in [\d.]+ m?s", "in N s", done.stdout)


def test_a_session_is_one_call_and_its_table_is_there_from_the_cache(repo: Workspace) -> None:
    code, said = nox(repo, "-s", "tests")
    assert code == 0
    assert said.count("nox > once run tests documents --keep-going\n") == 1
    assert "tests: 0 of 2 from cache, 2 passed in N s\ndocuments: 0 of 1 from cache, 1 passed in N s\n" + TABLE in said

    for file in repo.root.glob("build/tests/*.xml"):
        file.unlink()
    code, said = nox(repo, "-s", "tests")
    assert code == 0
    assert "tests: 2 of 2 from cache in N s\ndocuments: 1 of 1 from cache in N s\n" + TABLE in said


def test_one_package(repo: Workspace) -> None:
    code, said = nox(repo, "-s", "tests(base)")
    assert code == 0
    assert "tests: 0 of 1 from cache, 1 passed in N s\n" in said
    assert "base                                   1       0        0\n" in said
    assert "app" not in said


def test_words_go_to_the_tool_and_are_not_cached(repo: Workspace) -> None:
    for _ in range(2):
        code, said = nox(repo, "-s", "tests(app)", "--", "-k", "test")
        assert code == 0
        assert "nox > once run tests --keep-going -p app -- -k test\n" in said
        assert "tests: 0 of 1 from cache, 1 passed in N s\n" in said


def test_force_runs_what_is_cached(repo: Workspace) -> None:
    assert nox(repo, "-s", "lint")[0] == 0
    code, said = nox(repo, "-s", "lint", "--", "--force")
    assert code == 0
    assert "lint: 0 of 2 from cache, 2 passed in N s\n" in said


FAILS = "def test() -> None:\n    raise AssertionError\n"


@pytest.mark.parametrize(
    ("path", "said", "row"),
    [
        ("app/tests/test_app.py", "tests: 0 of 2 from cache, 1 passed, 1 failed", f"{'app':<32}{1:>8}{1:>8}{0:>9}"),
        ("base/tests/test_base.py", "tests: 0 of 2 from cache, 1 passed, 1 failed", f"{'base':<32}{1:>8}{1:>8}{0:>9}"),
        (
            "app/words/test_words.py",
            "documents: 0 of 1 from cache, 1 failed",
            f"{'app: documents':<32}{1:>8}{1:>8}{0:>9}",
        ),
    ],
    ids=["app", "base", "documents"],
)
def test_one_job_fails_its_session_and_the_others_are_told(repo: Workspace, path: str, said: str, row: str) -> None:
    repo.write(f"packages/{path}", FAILS)
    code, printed = nox(repo, "-s", "tests")
    assert code == 1
    assert f"{said} in N s\n" in printed
    assert f"\n{row}\n" in printed
    assert f"{'total':<32}{3:>8}{1:>8}{0:>9}\nnox > once ended with 1\nnox > Session tests failed.\n" in printed


def test_a_package_without_a_test_is_an_error(repo: Workspace) -> None:
    repo.write("packages/app/tests/test_app.py", 'import pytest\n\npytest.skip("no", allow_module_level=True)\n')
    code, said = nox(repo, "-s", "tests")
    assert code == 1
    assert "1 failed" in said  # pytest ends with 5: nothing was collected


def test_affected(repo: Workspace) -> None:
    repo.write("packages/app/src/m0.py", "x = 9\n")
    code, said = nox(repo, "-s", "affected", "--", "HEAD", "tests", "lint")
    assert code == 0
    assert "tests: 0 of 1 from cache, 1 passed in N s\nlint: 0 of 1 from cache, 1 passed in N s\n" in said
