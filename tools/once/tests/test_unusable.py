"""A workspace that cannot be used: what is wrong is said, and nothing runs."""

from pathlib import Path

import pytest
from workspaces import TASKS, workspace


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (
            "[tool.once.tasks.tests]\nrum = 1\n",
            (
                "[tool.once.tasks.tests] has rum; known are "
                "caches, env, environment, granularity, group, inputs, outputs, passthrough, run, upstream"
            ),
        ),
        ("[tool.once.tasks.tests]\n", '[tool.once.tasks.tests] has no `run`: run = [["pytest", "{path}"]]'),
        (
            '[tool.once.tasks.tests]\nrun = ["pytest"]\n',
            '[tool.once.tasks.tests] run is a list of commands: run = [["pytest", "{path}"]]',
        ),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, tasks: str, said: str) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=tasks)
    done = made.once("run", "tests")
    assert (done.returncode, done.stderr) == (2, f"once: packages/base/pyproject.toml: {said}\n")


@pytest.mark.parametrize(("text", "said"), [("<<<<<<<", "cannot be read"), ("version = 2", "has version 2")])
def test_a_lock_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=TASKS)
    made.write("uv.lock", text)
    done = made.once("run", "tests")
    assert done.returncode == 3
    assert said in done.stderr
