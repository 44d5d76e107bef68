"""`--sandbox strict` and its fallback with a real pytest job."""

import json
from pathlib import Path

import pytest
from pytest_workspaces import pytest_workspace
from workspaces import Workspace

FILES = {
    "src/app.py": "def double(number):\n    return 2 * number\n",
    "tests/conftest.py": (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parents[1] / 'src'))\n"
    ),
    "tests/test_app.py": (
        "import app\ndef test(tmp_path):\n    (tmp_path / 'a').write_text('a')\n    assert app.double(2) == 4\n"
    ),
}
READING = "def test():\n    assert open('configs/limits.toml').read() == 'one'\n"
LIMITS = (
    "tests(app) was refused configs/limits.toml, which is not among its inputs: "
    'add "/configs/limits.toml" to [tool.once.tasks.tests] inputs in packages/app/pyproject.toml'
)


@pytest.fixture(params=["strict", "copy"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def job(made: Workspace, *words: str) -> tuple[str, bool]:
    (found,) = json.loads(made.once("run", "tests", "--json", *words).stdout)["jobs"]
    return found["status"], found["stored"]


def test_a_pytest_job_passes_in_the_sandbox(tmp_path: Path, mode: str) -> None:
    made = pytest_workspace(tmp_path, FILES)
    done = made.once("run", "tests", "--sandbox", mode)
    assert (done.returncode, done.stderr.startswith("tests(app) passed in ")) == (0, True), done.stderr
    report = (made.root / "build/app.xml").read_bytes()
    (made.root / "build/app.xml").unlink()
    assert job(made, "--sandbox", mode) == ("hit", True)
    assert (made.root / "build/app.xml").read_bytes() == report


def test_an_undeclared_read_of_a_pytest_job_is_refused_and_named(tmp_path: Path, mode: str) -> None:
    made = pytest_workspace(tmp_path, FILES | {"tests/test_reading.py": READING})
    made.write("configs/limits.toml", "one")
    made.commit()
    assert job(made) == ("passed", False)  # in the open it passes, and is not stored
    done = made.once("run", "tests", "--sandbox", mode)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, LIMITS)


def test_an_undeclared_read_that_is_tolerated_is_named_in_a_copy(tmp_path: Path) -> None:
    text = (
        "import contextlib\ndef test():\n    with contextlib.suppress(OSError):\n"
        "        open('configs/limits.toml').read()\n"
    )
    made = pytest_workspace(tmp_path, FILES | {"tests/test_reading.py": text})
    made.write("configs/limits.toml", "one")
    made.commit()
    done = made.once("run", "tests", "--sandbox", "copy", "--strict")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (3, LIMITS)
    assert job(made, "--sandbox", "copy") == ("passed", False)


def test_selection_by_test_file_works_in_the_sandbox(tmp_path: Path, mode: str) -> None:
    more = {"tests/test_more.py": "def test():\n    pass\n"}
    made = pytest_workspace(tmp_path, FILES | more, 'granularity = "file"\n')
    assert job(made, "--sandbox", mode) == ("passed", True)
    made.write("packages/app/src/app.py", FILES["src/app.py"] + "\n")
    (found,) = json.loads(made.once("run", "tests", "--json", "--sandbox", mode).stdout)["jobs"]
    assert (found["status"], found["kept"]) == ("passed", 1)
