"""The README is true: what it prints is printed, and its tables have what the source has."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from workspaces import ONCE, workspace

from once import workspace as workspaces
from once.commands import HELP
from once.run import PASSED

README = ONCE / "README.md"
SOURCES = [path.read_text(encoding="utf-8") for path in (ONCE / "src").rglob("*.py")]


def fences(*kinds: str) -> Iterator[Token]:
    found = MarkdownIt("commonmark").enable("table").parse(README.read_text(encoding="utf-8"))
    return (token for token in found if token.type == "fence" and token.info in kinds)


def first_cells(heading: str) -> list[str]:
    """Return the first cells of the table under a heading cell, without quotes and words after a command's name."""
    _, _, table = README.read_text(encoding="utf-8").partition(f"\n| {heading} |")
    rows = table.split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip(" `") for row in rows]


def anonymous(text: str) -> str:
    """Return what was printed without times and digests."""
    text = re.sub(r"in [\d.]+ (m?s)", r"in N \1", text)
    return re.sub(r"\b[0-9a-f]{7}\b", "DIGEST", text)


def test_prints_what_it_says(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"pricing": [], "shop": ["pricing"]}, tasks="")
    (made.root / ".venv/bin/pytest").symlink_to(Path(sys.executable).with_name("pytest"))
    blocks = list(fences("sh", "output"))
    script = "".join(block.content for block in blocks if block.info == "sh")
    said = "".join(block.content for block in blocks if block.info == "output")
    environ = made.environment(PATH=f"{made.root}/.venv/bin{os.pathsep}{made.environment()['PATH']}")
    ran = subprocess.run(
        ["sh", "-eu"], input=script, cwd=made.root, env=environ, capture_output=True, text=True, check=False
    )
    assert (anonymous(ran.stdout), ran.returncode) == (anonymous(said), 0), ran.stderr


def test_the_configuration_is_one(tmp_path: Path) -> None:
    [block] = fences("toml")
    made = workspace(tmp_path, {"shop": []}, tasks=f"\n{block.content}", groups={"lint": [], "tests": []})
    done = made.once("plan", "lint", "tests")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "run    lint(shop) (never run here)\nrun    tests(shop) (never run here)\n"


def test_every_key_of_a_task_is_there() -> None:
    assert first_cells("Key of a task") == [each.name for each in sorted(fields(workspaces.Task), key=order)]


def order(each: object) -> int:
    return first_cells("Key of a task").index(getattr(each, "name", ""))


def test_every_command_is_there() -> None:
    assert {cell.split()[1] for cell in first_cells("Command")} == set(HELP)


def test_every_variable_is_there() -> None:
    read = {name for text in SOURCES for name in re.findall(r"\bONCE_[A-Z_]+", text)} - OF_ITS_OWN
    assert set(first_cells("Variable")) == read | {"CI"}


# What once says to the processes that it starts.
OF_ITS_OWN = {name for text in SOURCES for name in re.findall(r"\bONCE_T[A-Z_]*", text)}


def test_every_variable_that_passes_is_there() -> None:
    _, _, text = README.read_text(encoding="utf-8").partition("A task gets no variable but")
    assert set(re.findall(r"`([A-Z_]+)`", text.partition("\n\n")[0])) == PASSED
