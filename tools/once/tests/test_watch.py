import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from workspaces import PYTHON, Workspace, workspace

CHAIN = {"base": [], "lib": ["base"], "app": ["lib"]}
LONG = 60.0  # seconds after which a test gives up


class Watch:
    """A running `once watch`."""

    def __init__(self, made: Workspace, *arguments: str) -> None:
        self.text = ""
        self.process = subprocess.Popen(
            made.command("watch", *arguments),
            cwd=made.root,
            env=made.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def until(self, text: str) -> str:
        """Return what it printed since the last time, up to and with a text."""
        assert self.process.stdout is not None
        ends = time.monotonic() + LONG
        while text not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, ends - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            assert chunk, f"no {text!r} in {self.text!r}"
            self.text += chunk.decode()
        found, end, self.text = self.text.partition(text)
        return found + end

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal to the process alone, and return its exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(timeout=LONG)


@pytest.fixture(params=["told", "polled"])
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    """A workspace with watchfiles in its environment, and one without."""
    made = workspace(tmp_path, CHAIN)
    if request.param == "told":
        for name in ("watchfiles", "anyio", "idna"):
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            (made.root / f".venv/lib/{PYTHON}/site-packages" / name).symlink_to(Path(spec.origin).parent)
    return made


@pytest.fixture
def watch(made: Workspace) -> Iterator[Callable[..., Watch]]:
    running: list[Watch] = []

    def start(*arguments: str) -> Watch:
        running.append(Watch(made, *arguments))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        assert each.process.stdout is not None
        each.process.stdout.close()


def test_a_change_runs_what_depends_on_it(made: Workspace, watch: Callable[..., Watch]) -> None:
    running = watch("tests")
    assert running.until(" ms\n").startswith("--- tests(app), tests(base), tests(lib)\n")
    made.write("packages/lib/src/m0.py", "x = 'changed'\n")
    text = running.until(" ms\n")
    assert re.sub(r"\d+ ms|[\d.]+ s", "N", text).endswith("tests: 0 of 2 from cache, 2 passed in N\n")
    assert text.startswith("--- tests(app), tests(lib)\n")
    made.write("packages/app/src/new.py", "")
    assert running.until(" ms\n").startswith("--- tests(app)\n")
    (made.root / "packages/app/src/new.py").unlink()
    assert re.sub(r"\d+ ms", "N", running.until(" ms\n")) == "--- tests(app)\ntests: 1 of 1 from cache in N\n"
    assert running.stop() == 130


def test_files_that_are_in_no_key_run_nothing(made: Workspace, watch: Callable[..., Watch]) -> None:
    running = watch("tests", "-p", "base")
    assert running.until(" ms\n").startswith("--- tests(base)\n")
    made.write("packages/base/out/ignored", "")
    made.write("packages/app/src/m0.py", "x = 'of another package'\n")
    time.sleep(1)
    made.write("packages/base/src/m0.py", "x = 'changed'\n")
    assert running.until(" ms\n").startswith("--- tests(base)\n")
    assert running.stop(signal.SIGTERM) == 130


def test_a_torn_pyproject_is_waited_out(made: Workspace, watch: Callable[..., Watch]) -> None:
    running = watch("tests")
    running.until(" ms\n")
    text = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", text + "[torn\n")
    assert "once: pyproject.toml cannot be read: " in running.until("\n")
    made.write("pyproject.toml", text)
    made.write("packages/app/src/m0.py", "x = 'changed'\n")
    assert running.until(" ms\n").startswith("--- tests(app)\n")


def test_a_failure_runs_again_only_when_its_inputs_change(made: Workspace, watch: Callable[..., Watch]) -> None:
    top = (made.root / "pyproject.toml").read_text()
    top = top.partition("\n[tool.once")[0]
    made.write(
        "pyproject.toml",
        top + "\n[tool.once.tasks.tests]\nrun = [['sh', '-c', 'cat {path}/src/m0.py; ! grep bad {path}/src/m0.py']]\n",
    )
    made.write("packages/base/src/m0.py", "bad\n")
    running = watch("tests", "--keep-going")
    assert "1 failed" in running.until(" ms\n")
    made.write("packages/app/src/m0.py", "x = 'changed'\n")
    assert running.until(" ms\n").startswith("--- tests(app)\n")


def test_an_interrupt_leaves_no_job(made: Workspace, watch: Callable[..., Watch], tmp_path: Path) -> None:
    top = (made.root / "pyproject.toml").read_text().partition("\n[tool.once")[0]
    pid = tmp_path / "pid"
    script = f"echo $$ > {pid}.part; mv {pid}.part {pid}; exec sleep 600"
    made.write("pyproject.toml", f"{top}\n[tool.once.tasks.tests]\nrun = [['sh', '-c', '{script}']]\n")
    running = watch("tests", "-p", "base")
    running.until("--- tests(base)\n")
    ends = time.monotonic() + LONG
    while not pid.exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert running.stop() == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_task_that_does_not_exist_is_refused(made: Workspace) -> None:
    done = made.once("watch", "gone")
    assert (done.returncode, done.stderr) == (2, "once: There is no task 'gone'; there are: tests.\n")
