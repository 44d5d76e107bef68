import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from once import trace

type Run = Callable[..., trace.Trace]
PYTHON = sys.executable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "data/a.txt": "a",
        "data/b.txt": "b",
        "pkg/a.txt": "",
        "pkg/__init__.py": "",
        "pkg/m.py": "X = 1",
    }.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "root"


@pytest.fixture
def run(root: Path, tmp_path: Path) -> Run:
    """Run Python code, or a command, in the root and return what it read."""

    def run(*command: str, status: int = 0, names: tuple[str, ...] = (), **variables: str) -> trace.Trace:
        if len(command) == 1:
            command = (PYTHON, "-c", *command)
        base = {"PATH": os.pathsep.join(os.get_exec_path()), **variables}
        record = str(tmp_path / f"record{len(list(tmp_path.iterdir()))}")
        environment = trace.environment(base, record=record, root=str(root), names=names)
        assert subprocess.run(command, env=environment, cwd=root, check=False).returncode == status
        return trace.read(record, commands=[command])

    return run


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("open('data/a.txt')", {"data/a.txt"}),
        ("import pathlib; pathlib.Path('data/../data/a.txt').read_text()", {"data/a.txt"}),
        ("import os; os.chdir('data'); open('a.txt'); os.chdir('../pkg'); open('m.py')", {"data/a.txt", "pkg/m.py"}),
        ("import os; os.chdir('data'); open('a.txt'); os.chdir('../pkg'); open('a.txt')", {"data/a.txt", "pkg/a.txt"}),
        ("import os; open('data/a.txt'); os.chdir('pkg'); open('../data/b.txt')", {"data/a.txt", "data/b.txt"}),
        ("import os; os.open('a.txt', os.O_RDONLY, dir_fd=os.open('data', os.O_RDONLY))", {"data/a.txt"}),
        ("open(b'data/a.txt', 'r+b')", {"data/a.txt"}),
        ("import os; os.link('data/a.txt', 'data/c.txt')", {"data/a.txt"}),
        ("import os; os.rename('data/a.txt', 'data/c.txt'); open('data/c.txt')", {"data/a.txt"}),
        ("import sqlite3; sqlite3.connect('data/a.txt')", {"data/a.txt"}),
        ("import os\nif not os.fork(): open('data/a.txt'); os._exit(0)\nos.wait()", {"data/a.txt"}),
        ("import os, sys; os.execv(sys.executable, ['python', '-c', 'open(\"data/a.txt\")'])", {"data/a.txt"}),
        ("import os; os.closerange(0, 1000); open('data/a.txt')", {"data/a.txt"}),
        ("import atexit; atexit.register(open, 'data/a.txt')", {"data/a.txt"}),
    ],
)
def test_a_file_that_is_read_is_recorded(run: Run, code: str, files: set[str]) -> None:
    assert run(f"import warnings; warnings.simplefilter('ignore')\n{code}").files == files


@pytest.mark.parametrize(
    "code",
    [
        "open('new.txt', 'w').write('x'); open('new.txt')",
        "open('data/a.txt', 'w').write('x'); open('data/a.txt')",
        "open('data/a.txt', 'a').write('x')",
        "import os; open('n.tmp', 'x').write('x'); os.replace('n.tmp', 'n'); open('n')",
        "import os; os.mkdir('made'); os.system('echo x > made/n'); open('made/n'); os.listdir('made')",
        "import subprocess, sys; open('n', 'w').write('x'); subprocess.run([sys.executable, '-c', 'open(\"n\")'])",
    ],
)
def test_what_the_job_made_itself_is_no_input(run: Run, code: str) -> None:
    found = run(f"import warnings; warnings.simplefilter('ignore')\n{code}")
    assert (found.files, found.absent, found.folders) == (frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize(
    "code",
    [
        "open('data/a.txt', 'a').write('x'); open('data/a.txt')",
        "import os\ntry: os.replace('none', 'data/a.txt')\nexcept OSError: open('data/a.txt')",
        "import os\ntry: os.mkdir('data')\nexcept OSError: open('data/a.txt')",
        "import os\ntry: os.rename('pkg', 'data')\nexcept OSError: open('data/a.txt')",
        "import os\ntry: os.symlink('x', 'data/a.txt')\nexcept OSError: open('data/a.txt')",
    ],
)
def test_an_attempt_to_write_does_not_hide_a_read(run: Run, code: str) -> None:
    assert "data/a.txt" in run(f"import warnings; warnings.simplefilter('ignore')\n{code}").files


def test_a_link_and_its_target_are_both_inputs(run: Run, root: Path) -> None:
    (root / "link").symlink_to("chain")
    (root / "chain").symlink_to(root / "data")
    (root.parent / "outside").symlink_to(root / "pkg")
    assert run("open('link/../data/a.txt')").files == {"link", "chain", "data/a.txt"}
    assert run("open('../outside/m.py')").files == {"pkg/m.py"}


def test_a_removed_link_does_not_hide_its_target(run: Run, root: Path) -> None:
    (root / "link").symlink_to("data/a.txt")
    assert "data/a.txt" in run("import os; os.replace('link', 'moved'); open('data/a.txt')").files


def test_a_link_that_the_job_replaces_is_its_own(run: Run, root: Path) -> None:
    (root / "link").symlink_to("data/a.txt")
    assert run("import os; open('n', 'w').close(); os.replace('n', 'link'); open('link').close()").files == set()


def test_what_was_not_there_is_recorded(run: Run) -> None:
    found = run("try: open('data/none')\nexcept OSError: pass\nopen('data/none', 'w').write('x'); open('data/none')")
    assert found.absent == {"data/none"}
    assert found.files == set()


def test_listed_folders_are_recorded_apart_from_the_search_for_modules(run: Run) -> None:
    found = run("import os, pkg.m; os.listdir('data')")
    assert found.folders == {"data"}
    assert found.searched == {".", "pkg"}
    assert run("import glob; glob.glob('data/*.txt')").folders == {"data"}
    assert run("import os; os.listdir(os.open('data', os.O_RDONLY))").folders == {"data"}


def test_a_module_is_its_source_whether_compiled_or_not(run: Run, root: Path) -> None:
    expected = {"pkg/__init__.py", "pkg/m.py"}
    assert run("import pkg.m").files == expected
    assert (root / "pkg/__pycache__").exists()
    assert run("import pkg.m").files == expected
    for _ in range(2):
        assert run("import pkg.m", PYTHONPYCACHEPREFIX=str(root.parent / "compiled")).files == expected


def test_variables_are_recorded_by_name_not_by_copy(run: Run) -> None:
    code = """
import os, subprocess, sys
dict(os.environ), os.environ.copy(), {**os.environ}, list(os.environ.items()), os.environ | {}
os.environ.get("GET"), "IN" in os.environ, os.getenv("GETENV"), os.environb.get(b"BYTES"), os.getenv("KNOWN")
os.environ["OWN"] = "1"; os.environ["OWN"]
child = "import os; os.environ['GIVEN'], os.environ['OWN'], os.getenv('CHILD'), os.environ['HERE']"
subprocess.run([sys.executable, "-c", child], env={**os.environ, "GIVEN": "1"}, check=True)
"""
    found = run(code, names=("KNOWN", "PATH"), HERE="1", UNREAD="1")
    assert found.variables == {"GET", "IN", "GETENV", "BYTES", "CHILD", "HERE"}


def test_hosts_other_than_this_one_are_recorded(run: Run) -> None:
    code = """
import socket
for host in ("127.0.0.1", "192.0.2.1"):
    with socket.socket(type=socket.SOCK_DGRAM) as connection: connection.connect((host, 9))
"""
    assert run(code).hosts <= {"192.0.2.1"}
    assert "127.0.0.1" not in run(code).hosts


def test_programs_without_a_trace_are_named(run: Run, root: Path) -> None:
    script = root / "script"
    script.write_text(f"#!{PYTHON}\nopen('data/b.txt')\n")
    script.chmod(0o755)
    code = """
import os, subprocess, sys
subprocess.run(["true"]); subprocess.run(["true"], close_fds=False); os.spawnvp(os.P_WAIT, "false", ["false"])
subprocess.run([sys.executable, "-c", "open('data/a.txt')"])
subprocess.run(["./script"])
"""
    found = run(f"import warnings; warnings.simplefilter('ignore')\n{code}")
    assert {Path(name).name for name in found.native} == {"true", "false"}
    assert found.files == {"data/a.txt", "data/b.txt", "script"}


@pytest.mark.parametrize(
    "arguments",
    ["[sys.executable, '-I', '-c', '']", "[sys.executable, '-S', '-c', '']", "[sys.executable, '-c', ''], env={}"],
)
def test_a_python_that_was_not_traced_is_named(run: Run, arguments: str) -> None:
    assert run(f"import subprocess, sys; subprocess.run({arguments})").native == (PYTHON,)


def test_a_command_of_the_caller_that_was_not_traced_is_named(run: Run) -> None:
    assert run("cat", "data/a.txt").native == ("cat",)


def test_another_sitecustomize_still_runs_and_is_traced(run: Run, root: Path) -> None:
    (root / "site").mkdir()
    (root / "site/sitecustomize.py").write_text("import sys; open('data/a.txt'); sys.chained = True")
    code = "import sys, sitecustomize; assert sys.chained and '/root/site/' in sitecustomize.__file__"
    found = run(PYTHON, "-W", "ignore", "-c", code, PYTHONPATH=str(root / "site"))
    assert found.files == {"data/a.txt", "site/sitecustomize.py"}


def test_our_folder_does_not_stay_on_the_path(run: Run) -> None:
    run("import sys; assert not [entry for entry in sys.path if entry.endswith('trace/site')]")


def test_a_virtual_environment_without_once_is_traced(run: Run, root: Path) -> None:
    venv.create(root / ".venv", with_pip=False)
    found = run(str(root / ".venv/bin/python"), "-W", "ignore", "-c", "open('data/a.txt')")
    assert found.files == {"data/a.txt"}
    assert found.native == ()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_is_traced(run: Run, root: Path, method: str) -> None:
    code = f"""
import multiprocessing
def work(): open("data/a.txt").close()
if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=work); process.start(); process.join()
"""
    (root / "main.py").write_text(code)
    assert run(PYTHON, "main.py").files == {"main.py", "data/a.txt"}


def test_workers_of_xdist_are_traced(run: Run, root: Path) -> None:
    (root / "test_x.py").write_text("def test_x():\n    with open('data/a.txt'): pass\n")
    (root / "pytest.ini").write_text("[pytest]\n")
    found = run(
        PYTHON,
        "-m",
        "pytest",
        "-q",
        "-n2",
        "-p",
        "xdist",
        "-p",
        "no:cacheprovider",
        "test_x.py",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    assert {"test_x.py", "data/a.txt", "pytest.ini"} <= found.files
    assert found.native in {(), ("uname",)}  # the standard library's platform asks it


def test_the_end_of_the_interpreter_is_undisturbed(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run("import os\nclass X:\n def __del__(self, open=open): open('data/a.txt').close()\nos.x = X()")
    assert capfd.readouterr().err == ""


def test_a_kill_loses_nothing(run: Run) -> None:
    assert run("import os; open('data/a.txt'); os.kill(os.getpid(), 9)", status=-9).files == {"data/a.txt"}


def test_a_record_that_cannot_be_written_is_void(run: Run, tmp_path: Path) -> None:
    code = """
import resource, signal, warnings; warnings.simplefilter("ignore")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
open("data/a.txt")
"""
    with pytest.raises(trace.RecordLost, match="disk full"):
        run(code)
