"""Who ends reading early is no error: `once sbom app | head`."""

import os
import subprocess

import pytest
from workspaces import Workspace, workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace(tmp_path_factory.mktemp("pipe"), {"base": [], "app": ["base"]})
    made.once("run", "tests")
    return made


def unread(made: Workspace, *words: str) -> tuple[int, str]:
    """Run once with nobody at the other end of its output; return its exit code and what it said beside."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as output:
        done = subprocess.run(
            made.command(*words),
            cwd=made.root,
            env=made.environment(),
            stdout=output,
            stderr=-1,
            text=True,
            check=False,
        )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words", [("graph",), ("plan", "tests", "--json"), ("run", "tests"), ("run", "tests", "-v"), ("run", "--help")]
)
def test_it_ends_quietly_as_any_program(made: Workspace, words: tuple[str, ...]) -> None:
    assert unread(made, *words) == (141, "")


def test_it_is_not_taken_for_a_pass(made: Workspace) -> None:
    made.write("packages/base/pyproject.toml", '[tool.once.tasks.tests]\nrun = [["false"]]\n')
    code, said = unread(made, "run", "tests", "--no-retry")
    assert (code, said.count("FAILED")) == (141, 1)
