import json
import time
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

TASK = """
[tool.once.tasks.tests]
run = [["python", "-c", PROGRAM]]
"""
EDGES = {"base": [], "lib": ["base"], "other": []}
LIMITS = (
    "tests(lib) read configs/limits.toml, which is not among its inputs: "
    'add "/configs/limits.toml" to [tool.once.tasks.tests] inputs in packages/lib/pyproject.toml'
)


def reading(tmp_path: Path, *paths: str, rest: str = "") -> Workspace:
    program = "import pathlib, sys; [pathlib.Path(path).read_text() for path in sys.argv[1:]]"
    words = ", ".join(f'"{path}"' for path in paths)
    tasks = f'\n[tool.once.tasks.tests]\nrun = [["python", "-c", "{program}", {words}]]\n{rest}\n'
    made = workspace(tmp_path, EDGES, tasks=tasks)
    made.write("configs/limits.toml", "one\n")
    made.write("build/made.txt", "one\n")
    made.commit()
    return made


@pytest.mark.parametrize(
    "path",
    [
        "packages/lib/src/m0.py",
        "packages/lib/tests/test_lib.py",
        "packages/base/src/m0.py",
        "packages/base/pyproject.toml",
    ],
)
def test_declared_reads_are_stored(tmp_path: Path, path: str) -> None:
    made = reading(tmp_path, path)
    assert made.once("run", "tests", "-p", "lib").stderr.startswith("tests(lib) passed in ")
    assert "1 of 1 from cache" in made.once("run", "tests", "-p", "lib").stdout


@pytest.mark.parametrize(
    "path",
    [
        "configs/limits.toml",
        "packages/base/tests/test_base.py",
        "packages/other/src/m0.py",
        "build/made.txt",
        "pyproject.toml",
    ],
)
def test_undeclared_reads_are_said_and_not_stored(tmp_path: Path, path: str) -> None:
    made = reading(tmp_path, path)
    for _ in range(2):
        done = made.once("run", "tests", "-p", "lib")
        assert (done.returncode, done.stderr.splitlines()[1:]) == (0, [LIMITS.replace("configs/limits.toml", path)])
        assert "0 of 1 from cache, 1 passed" in done.stdout


def test_undeclared_reads_are_errors_in_ci(tmp_path: Path) -> None:
    made = reading(tmp_path, "configs/limits.toml")
    assert made.once("run", "tests", "-p", "lib", CI="true").returncode == 3


@pytest.mark.parametrize(
    "declared", ["/configs/limits.toml", "/configs", "/configs/*.toml", "/**/limits.toml", "../../configs/limits.toml"]
)
def test_the_fix_that_is_said_fixes_it(tmp_path: Path, declared: str) -> None:
    made = reading(tmp_path, "configs/limits.toml", rest=f'inputs = ["{declared}"]')
    assert set(made.statuses().values()) == {"passed"}
    assert set(made.statuses().values()) == {"hit"}
    made.write("configs/limits.toml", "two\n")
    assert set(made.statuses().values()) == {"passed"}


def test_a_declared_table_of_a_file_declares_the_file(tmp_path: Path) -> None:
    made = reading(tmp_path, "pyproject.toml", rest='inputs = ["/pyproject.toml#tool.uv"]')
    assert set(made.statuses().values()) == {"passed"}
    assert set(made.statuses().values()) == {"hit"}


def test_an_ignored_input_is_declared_by_its_name(tmp_path: Path) -> None:
    made = reading(tmp_path, "build/made.txt", rest='inputs = ["/build/made.txt"]')
    assert set(made.statuses().values()) == {"passed"}
    made.write("build/made.txt", "two\n")
    assert set(made.statuses().values()) == {"passed"}


def test_the_kernel_refuses_what_a_native_program_did_not_declare(tmp_path: Path) -> None:
    script = "mkdir -p {path}/out && cat {path}/src/m0.py %s > {path}/out/r"
    tasks = f'\n[tool.once.tasks.tests]\nrun = [["sh", "-c", "{script}"]]\noutputs = ["out/r"]\n'
    made = workspace(tmp_path, {"lib": []}, tasks=tasks % "configs/limits.toml")
    made.write("configs/limits.toml", "one\n")
    made.commit()
    done = made.once("run", "tests", "--sandbox", "strict")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == LIMITS.replace(" read ", " was refused ")
    made.write("pyproject.toml", (made.root / "pyproject.toml").read_text().replace("configs/limits.toml", ""))
    done = made.once("run", "tests", "--sandbox", "strict")
    assert (done.returncode, (made.root / "packages/lib/out/r").read_text()) == (0, "x = 0\n")


@pytest.mark.parametrize("path", ["local.ini", "build/local.ini"])
def test_a_file_that_was_looked_for_appears(tmp_path: Path, path: str) -> None:
    program = f"import contextlib\nwith contextlib.suppress(FileNotFoundError): print(open('{path}').read())"
    made = workspace(tmp_path, {"lib": []}, tasks=TASK.replace("PROGRAM", json.dumps(program)))
    assert made.statuses() == {"tests(lib)": "passed"}
    time.sleep(3.1)  # the second in which git's index was written must be over, for the memo to answer
    assert made.statuses() == {"tests(lib)": "hit"}
    made.write(path, "x = 1")
    done = made.once("run", "tests")
    assert done.stderr.splitlines()[1:] == [LIMITS.replace("configs/limits.toml", path)]
    (made.root / path).unlink()
    assert made.statuses() == {"tests(lib)": "hit"}
