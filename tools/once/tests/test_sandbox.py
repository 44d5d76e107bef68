import os
import subprocess
import sys
from pathlib import Path

import pytest

from once import sandbox

PYTHON = sys.executable
landlock = pytest.mark.skipif(not sandbox.available(), reason="this kernel has no Landlock")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    for name in ("in/a.txt", "in/b.txt", "in/deep/c.txt", "secret/s.txt", "script", "out/old.txt"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")
    (root / "script").write_text("#!/bin/sh\ncat secret/s.txt\n")
    (root / "script").chmod(0o755)
    return root


def run(
    root: Path, *command: str, readable: tuple[str, ...] = (), writable: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    paths = [*sandbox.system(str(root)), *(str(root / name) for name in readable)]
    wrapped = sandbox.wrap(list(command), readable=paths, writable=[str(root / name) for name in writable])
    done = subprocess.run(wrapped, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@landlock
def test_declared_files_are_read(root: Path) -> None:
    assert run(root, "cat", "in/a.txt", "in/deep/c.txt", readable=("in",)) == (0, "in/a.txt\nin/deep/c.txt\n", "")
    assert run(root, "cat", "in/a.txt", readable=("in/a.txt",)) == (0, "in/a.txt\n", "")


@landlock
@pytest.mark.parametrize(
    "command",
    [
        ("cat", "secret/s.txt"),
        (PYTHON, "-c", "open('secret/s.txt')"),
        ("sh", "-c", f'sh -c "{PYTHON} -c \'open(chr(115) + \\"ecret/s.txt\\")\'"'),
        ("sh", "-c", "cat < secret/s.txt"),
        ("sh", "-c", "ln -s ../secret/s.txt out/link && cat out/link"),
        ("sh", "-c", "ln secret/s.txt out/link; cat secret/s.txt"),
    ],
)
def test_others_are_refused_by_name(root: Path, command: tuple[str, ...]) -> None:
    status, output, errors = run(root, *command, readable=("in",), writable=("out",))
    assert status != 0
    assert output == ""
    assert set(sandbox.denied(errors.encode(), str(root))) & {"secret/s.txt", "out/link"}


@landlock
def test_a_file_beside_a_declared_one_is_refused(root: Path) -> None:
    assert run(root, "cat", "in/b.txt", readable=("in/a.txt",))[:2] == (1, "")


@landlock
def test_an_undeclared_program_does_not_start(root: Path) -> None:
    assert run(root, "./script")[0] == 126
    status, output, errors = run(root, "./script", readable=("script",))
    assert (status, output) == (1, "")
    assert sandbox.denied(errors.encode(), str(root)) == ["secret/s.txt"]


@landlock
def test_only_what_is_writable_can_be_written(root: Path) -> None:
    work = "mkdir out/new && echo x > out/new/f && mv out/new/f out/f && rm out/old.txt && cat out/f"
    assert run(root, "sh", "-c", work, writable=("out",)) == (0, "x\n", "")
    for command in ("echo x > in/a.txt", "echo x > in/new", "rm in/a.txt", "mv in/a.txt out/", ": >> in/a.txt"):
        assert run(root, "sh", "-c", command, readable=("in",), writable=("out",))[0] != 0
    assert (root / "in/a.txt").read_text() == "in/a.txt\n"


@landlock
def test_folders_can_be_listed(root: Path) -> None:
    assert run(root, "ls", ".", "secret") == (0, ".:\nin\nout\nscript\nsecret\n\nsecret:\ns.txt\n", "")


@landlock
def test_the_exit_status_is_the_command_s(root: Path) -> None:
    assert run(root, "sh", "-c", "exit 7")[0] == 7
    status, _, errors = run(root, "no-such-program")
    assert status == 126
    assert "no-such-program: [Errno 2]" in errors


@landlock
def test_devices_are_there(root: Path) -> None:
    assert run(root, "sh", "-c", "echo x > /dev/null && head -c 1 /dev/zero | wc -c") == (0, "1\n", "")


@landlock
def test_more_paths_than_a_command_line_takes(root: Path) -> None:
    names = tuple(f"in/{'x' * 100}{number}" for number in range(3000))
    paths = [*sandbox.system(str(root)), *(str(root / name) for name in names), str(root / "in/a.txt")]
    command = sandbox.wrap(["cat", "in/a.txt", "in/b.txt"], readable=paths, writable=[])
    rules = Path(next(word for word in command if word.startswith("@"))[1:])
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "in/a.txt\n")
    assert not rules.exists()


def test_the_system_never_holds_the_root(tmp_path: Path) -> None:
    for root in (str(tmp_path), "/usr/lib", sys.prefix, "/"):
        assert not [path for path in sandbox.system(root) if f"{os.path.realpath(root)}/".startswith(f"{path}/")]


def test_what_is_beside_a_root_in_the_system_stays_readable() -> None:
    assert "/usr/share" in sandbox.system("/usr/lib")
    assert "/usr" not in sandbox.system("/usr/lib")


def test_a_folder_of_declared_files_only_is_one_rule(root: Path) -> None:
    here = str(root)
    assert sandbox.fold(here, ["in/a.txt", "in/b.txt", "in/deep/c.txt"]) == [f"{here}/in"]
    assert sandbox.fold(here, ["in/a.txt", "in/deep/c.txt"]) == [f"{here}/in/a.txt", f"{here}/in/deep"]
    (root / "in/__pycache__").mkdir()
    assert sandbox.fold(here, ["in/a.txt", "in/b.txt", "in/deep/c.txt"]) == [f"{here}/in"]
    assert sandbox.fold(here, ["in/a.txt"]) == [f"{here}/in/__pycache__", f"{here}/in/a.txt"]
    every = ["in/a.txt", "in/b.txt", "in/deep/c.txt", "secret/s.txt", "script", "out/old.txt"]
    assert sandbox.fold(here, every) == [here]
    assert sandbox.fold(here, ["in/gone.txt"]) == [f"{here}/in/__pycache__", f"{here}/in/gone.txt"]


@pytest.mark.parametrize(
    ("log", "paths"),
    [
        (b"cat: secret/s.txt: Permission denied", ["secret/s.txt"]),
        (b"PermissionError: [Errno 13] Permission denied: '/r/a b.txt'", ["a b.txt"]),
        (b"sh: 1: cannot open 'x.toml': Permission denied\nls: /etc/shadow: Permission denied", ["x.toml"]),
        (b"sh: 1: cannot open x.toml: Permission denied", ["x.toml"]),
        (b"all fine", []),
    ],
)
def test_a_refusal_is_found_in_the_output(log: bytes, paths: list[str]) -> None:
    assert sandbox.denied(log, "/r") == paths


def test_a_copy_holds_the_inputs_only(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(root / "in/a.txt")
    (root / "near").symlink_to("in/b.txt")
    scratch = tmp_path.resolve() / "scratch"
    sandbox.copy_inputs(str(root), ["in/a.txt", "in/b.txt", "script", "link", "near"], str(scratch))
    assert sorted(path.name for path in scratch.rglob("*")) == ["a.txt", "b.txt", "in", "link", "near", "script"]
    (scratch / "in/a.txt").write_text("changed")
    assert (root / "in/a.txt").read_text() == "in/a.txt\n"
    assert ((scratch / "link").read_text(), (scratch / "near").read_text()) == ("changed", "in/b.txt\n")
    assert (scratch / "script").stat().st_mode & 0o777 == 0o755
    assert (scratch / "in/b.txt").stat().st_mtime_ns == (root / "in/b.txt").stat().st_mtime_ns


def test_outputs_are_copied_back(root: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "out/new").mkdir(parents=True)
    (scratch / "out/old.txt").write_text("new")
    (scratch / "out/new/f").write_text("f")
    sandbox.copy_outputs(str(scratch), ["out/old.txt", "out/new/f"], str(root))
    assert sorted(path.name for path in (root / "out").rglob("*")) == ["f", "new", "old.txt"]
    assert ((root / "out/old.txt").read_text(), (root / "out/new/f").read_text()) == ("new", "f")
