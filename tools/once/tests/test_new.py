import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv_binary import uv
from workspaces import ONCE, PYTHON, TOP, Workspace, lock, workspace

from once.new import register
from once.workspace import BadWorkspace

BIN = Path(sys.executable).parent
FILES = [
    "packages/stock-math/README.md",
    "packages/stock-math/pyproject.toml",
    "packages/stock-math/src/stock_math/__init__.py",
    "packages/stock-math/src/stock_math/_greeting.py",
    "packages/stock-math/src/stock_math/py.typed",
    "packages/stock-math/tests/test_stock_math.py",
    "pyproject.toml",
]


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, {"base": ["django"]}, versions={"django": "6"})


def passes(folder: Path, *command: str) -> None:
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}  # noqa: TID251  # of this test run
    source = next(folder.glob("*/new-thing/src"))
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(source)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return mypy's cache: reading the standard library's types takes longer than all else here."""
    return str(tmp_path_factory.mktemp("types"))


@pytest.mark.parametrize(("kind", "path"), [("lib", "libs"), ("service", "services"), ("tool", "tools")])
def test_it_passes_every_session_of_this_repository(tmp_path: Path, types: str, kind: str, path: str) -> None:
    shutil.copy(ONCE.parents[1] / "pyproject.toml", tmp_path)
    (tmp_path / "uv.lock").write_text(lock({}, versions={}, groups={}))
    done = subprocess.run([sys.executable, "-m", "once", "new", kind, "new-thing"], cwd=tmp_path, check=True)
    assert done.returncode == 0
    member = f"{path}/new-thing"
    passes(tmp_path, "ruff", "check", "--no-cache", member)
    passes(tmp_path, "ruff", "format", "--no-cache", "--check", member)
    passes(tmp_path, "mypy", "--cache-dir", types, "--config-file", f"{member}/pyproject.toml", member)
    passes(tmp_path, "bandit", "-q", "-c", "pyproject.toml", "-r", member)
    passes(tmp_path, "pytest", "-p", "no:cacheprovider", member)


def test_it_is_written_and_registered(made: Workspace) -> None:
    done = made.once("new", "lib", "stock-math")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [*FILES, "next: `uv sync`, which locks and installs it"]
    assert all((made.root / each).is_file() for each in FILES)
    added = '\n[tool.uv.sources]\nstock-math = { workspace = true }\n\n[dependency-groups]\ndev = ["stock-math"]\n'
    assert (made.root / "pyproject.toml").read_text() == made.git("show", "HEAD:pyproject.toml") + added


def test_uv_locks_it_and_its_tests_pass_at_once(tmp_path: Path) -> None:
    command = json.dumps([f"{BIN}/pytest", "-q", "-o", "pythonpath={root}/{path}/src", "{path}"])
    made = workspace(tmp_path, {"base": []}, tasks=f"\n[tool.once.tasks.tests]\nrun = [{command}]\n")
    made.once("new", "lib", "stock-math")
    environ = made.environment(UV_PYTHON=sys.executable, UV_OFFLINE="1")
    subprocess.run([uv(tmp_path), "lock", "--quiet"], cwd=made.root, env=environ, check=True)
    done = made.once("run", "tests", "-p", "stock-math", "-v")
    assert "2 passed" in done.stdout
    assert done.returncode == 0


def test_a_dry_run_writes_nothing(made: Workspace) -> None:
    done = made.once("new", "lib", "stock-math", "--dry-run")
    assert done.stdout.splitlines() == [*FILES, "nothing written"]
    done = made.once("new", "lib", "stock-math", "--dry-run", "--json")
    assert json.loads(done.stdout) == {"package": "stock-math", "path": "packages/stock-math", "files": FILES}
    assert made.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("base", "There is a package base already: take another name"),
        ("workspace", "There is a package workspace already: take another name"),
        ("json", "json would hide the module json of the standard library: take another name"),
        ("django", "django would hide the distribution django, which is installed here: take another name"),
        ("yaml", "yaml would hide the distribution pyyaml, which is installed here: take another name"),
        ("class", "class is a keyword, and cannot be imported: take another name"),
        ("tests", "tests is what folders of packages are called: take another name"),
        ("Stock", "'Stock' is no name: lower-case letters and digits, words joined by a hyphen"),
        ("../up", "'../up' is no name: lower-case letters and digits, words joined by a hyphen"),
        ("a--b", "'a--b' is no name: lower-case letters and digits, words joined by a hyphen"),
        ("notes", "packages/notes exists already: take another name, or remove it"),
    ],
)
def test_a_name_that_cannot_be_is_refused(made: Workspace, name: str, message: str) -> None:
    (made.root / "packages/notes").mkdir()
    about = f".venv/lib/{PYTHON}/site-packages/pyyaml-6.dist-info"
    made.write(f"{about}/METADATA", "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6\n")
    made.write(f"{about}/top_level.txt", "yaml\n")
    done = made.once("new", "lib", name)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"once: {message}\n")
    assert made.git("status", "--porcelain") == ""


def test_a_kind_has_its_own_place_or_the_only_one(made: Workspace) -> None:
    made.write("pyproject.toml", TOP.replace('"packages/*"', '"libs/*", "packages/*"'))
    assert json.loads(made.once("new", "lib", "a", "--dry-run", "--json").stdout)["path"] == "libs/a"
    assert made.once("new", "tool", "a").stderr == (
        'once: No place for a tool: add "tools/*" to members of [tool.uv.workspace] in pyproject.toml\n'
    )


SOURCES = "[tool.uv.sources]\n"
ADDED = f"{SOURCES}m = {{ workspace = true }}\n"
GROUPS = "[dependency-groups]\n"
LIST = 'dev = [ # many\n    "a", # first\n%s    "z",\n    { include-group = "t" },\n]\nt = []\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'\n\n{ADDED}\n{GROUPS}dev = ["m"]\n'),
        (f"{GROUPS}dev = [ 'a' ] # why\n\n{SOURCES}# no\n", f"{GROUPS}dev = [\"m\", 'a' ] # why\n\n{ADDED}# no\n"),
        (f"{SOURCES}# next\n{GROUPS}dev = []", f'{ADDED}# next\n{GROUPS}dev = ["m"]'),
        (f"{GROUPS}{LIST % ''}{SOURCES}", f"{GROUPS}{LIST % '    "m",\n'}{ADDED}"),
        (f'{GROUPS}# t\nt = ["a"]\n\n{SOURCES}', f'{GROUPS}# t\nt = ["a"]\ndev = ["m"]\n\n{ADDED}'),
    ],
)
def test_the_edit_adds_two_lines_and_keeps_the_rest(before: str, after: str) -> None:
    assert register(before, "m") == after


@pytest.mark.parametrize(
    "text",
    [
        'dependency-groups = { dev = ["a"] }\n',
        f'{SOURCES}text = """\n[dependency-groups]\ndev = [\n"""\n',
    ],
)
def test_a_layout_that_is_not_known_is_left_alone(text: str) -> None:
    with pytest.raises(BadWorkspace, match=r"pyproject\.toml cannot be edited safely: add m = \{ workspace = true \}"):
        register(text, "m")
