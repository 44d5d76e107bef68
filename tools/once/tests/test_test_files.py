import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from once import trace

type Run = Callable[..., dict[str, frozenset[str]]]
OPEN = "import pathlib\n\ndef load(name):\n    return pathlib.Path('data', name).read_text()\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest on files, given by path and text, and return what each test file depends on."""

    def run(files: Mapping[str, str], *arguments: str, **variables: str) -> dict[str, frozenset[str]]:
        root = tmp_path / "root"
        for name, text in {"pytest.ini": "[pytest]\n", "data/a": "a", "data/b": "b", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        base = {"PATH": os.pathsep.join(os.get_exec_path()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}
        base["PYTHONPATH"] = os.pathsep.join([str(root), str(tmp_path / "installed/site-packages")])
        record = str(tmp_path / "record")
        environment = trace.environment(base, record=record, root=str(root), names=())
        command = [sys.executable, "-m", "pytest", "-q", "-p", "once.trace.pytest_plugin", "-p", "no:cacheprovider"]
        command += ["-W", "ignore", "--import-mode=importlib", *arguments]
        assert subprocess.run(command, env=environment, cwd=root, check=False).returncode == 0
        return {name: paths - {"pytest.ini"} for name, paths in trace.by_test_file(record).items()}

    return run


def test_each_test_file_has_its_own_reads(run: Run) -> None:
    test = "def test(): open('data/{}').close()"
    assert run({"test_a.py": test.format("a"), "test_b.py": test.format("b")}) == {
        "test_a.py": {"test_a.py", "data/a"},
        "test_b.py": {"test_b.py", "data/b"},
    }


def test_a_module_imported_once_counts_for_all_who_import_it(run: Run) -> None:
    files = {
        "m/__init__.py": "",
        "m/deep.py": "X = 1",
        "m/top.py": "from . import deep",
        "m/other.py": "",
        "test_a.py": "import m.top, m.other\ndef test(): pass",
        "test_b.py": "from m.top import deep\ndef test(): pass",
        "test_c.py": "def test():\n from m import other",
        "test_d.py": "def test(): pass",
    }
    assert run(files) == {
        "test_a.py": {"test_a.py", "m/__init__.py", "m/top.py", "m/deep.py", "m/other.py"},
        "test_b.py": {"test_b.py", "m/__init__.py", "m/top.py", "m/deep.py"},
        "test_c.py": {"test_c.py", "m/__init__.py", "m/other.py"},
        "test_d.py": {"test_d.py"},
    }


def test_what_a_module_keeps_counts_for_all_who_import_it(run: Run) -> None:
    cached = f"import functools\n{OPEN}".replace("def load", "@functools.cache\ndef load")
    files = {
        "cached.py": cached,
        "table.py": f"{OPEN}TABLE = load('b')",
        "test_a.py": "import cached, table\ndef test(): cached.load('a')",
        "test_b.py": "import cached\ndef test(): cached.load('a')",
        "test_c.py": "import table\ndef test(): pass",
    }
    found = run(files)
    assert found["test_b.py"] == {"test_b.py", "cached.py", "data/a"}
    assert found["test_c.py"] == {"test_c.py", "table.py", "data/b"}


def test_what_is_imported_by_a_text_counts(run: Run) -> None:
    files = {
        "apps/__init__.py": "",
        "apps/one.py": "class Config: pass",
        "test_a.py": "import apps.one\ndef test(): pass",
        "test_b.py": "import sys\ndef test(): sys.modules['apps.one']",
        "test_c.py": "import importlib\ndef test(): importlib.import_module('apps' + '.' + 'one')",
    }
    found = run(files)
    assert found["test_b.py"] == {"test_b.py", "apps/__init__.py", "apps/one.py"}


def test_what_other_packages_read_may_be_kept_by_them(run: Run, tmp_path: Path) -> None:
    installed = tmp_path / "installed/site-packages/framework.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("import functools\n@functools.cache\ndef routes(): return __import__('urls')")
    test = "import framework\ndef test(): framework.routes()"
    files = {"urls.py": "", "test_a.py": "def test(): pass", "test_b.py": test, "test_c.py": test}
    assert run(files) == {
        "test_a.py": {"test_a.py"},
        "test_b.py": {"test_b.py", "urls.py"},
        "test_c.py": {"test_c.py", "urls.py"},
    }


def test_a_dynamic_import_serves_all_who_come_later(run: Run) -> None:
    test = "import importlib\ndef test(): importlib.import_module('d' + 'yn')"
    found = run({"dyn.py": "", "test_a.py": "def test(): pass", "test_b.py": test, "test_c.py": test})
    assert found["test_a.py"] == {"test_a.py"}
    assert found["test_c.py"] == {"test_c.py", "dyn.py"}


def test_a_conftest_counts_for_what_is_below_it(run: Run) -> None:
    conftest = "import pytest\n{}\n@pytest.fixture(scope='session')\ndef data(): return load('{}')"
    files = {
        "one/conftest.py": conftest.format(OPEN, "a"),
        "one/test_a.py": "def test(data): pass",
        "one/test_b.py": "def test(data): pass",
        "two/test_c.py": "def test(): pass",
    }
    assert run(files) == {
        "one/test_a.py": {"one/test_a.py", "one/conftest.py", "data/a"},
        "one/test_b.py": {"one/test_b.py", "one/conftest.py", "data/a"},
        "two/test_c.py": {"two/test_c.py"},
    }


def test_what_is_read_before_any_test_file_counts_for_all(run: Run) -> None:
    files = {
        "conftest.py": "import shared\ndef pytest_sessionstart(): open('data/a').close()",
        "shared.py": "",
        "test_a.py": "def test(): pass",
    }
    assert run(files) == {"test_a.py": {"test_a.py", "conftest.py", "shared.py", "data/a"}}


def test_what_was_looked_for_or_listed_counts(run: Run) -> None:
    test = "import os\ndef test():\n os.listdir('data')\n try: open('none')\n except OSError: pass"
    assert run({"test_a.py": test})["test_a.py"] == {"test_a.py", "data", "none"}


@pytest.mark.parametrize("shell", [False, True])
def test_processes_count_for_the_test_file_that_started_them(run: Run, shell: bool) -> None:  # noqa: FBT001 - a case
    command = "[sys.executable, '-c', 'open(\"data/a\")']"
    if shell:
        command = "['sh', '-c', sys.executable + ' -c \\'open(\"data/a\")\\'; true']"
    test = f"import subprocess, sys\ndef test(): subprocess.run({command}, check=True)"
    found = run({"test_a.py": test, "test_b.py": "def test(): pass"})
    assert found["test_a.py"] == {"test_a.py", "data/a"}
    # Through a shell it is not known who asked.
    assert found["test_b.py"] == ({"test_b.py", "data/a"} if shell else {"test_b.py"})


def test_a_process_that_stays_counts_for_all_it_may_serve(run: Run) -> None:
    worker = "import sys; x = open('data/a').read()\nfor line in sys.stdin: print(x, flush=True)"
    command = f"[sys.executable, '-c', {worker!r}]"
    server = f"import subprocess, sys\np = subprocess.Popen({command}, stdin=-1, stdout=-1, text=True)"
    ask = (
        "def test():\n import server\n server.p.stdin.write('x\\n'); server.p.stdin.flush(); server.p.stdout.readline()"
    )
    found = run({"server.py": server, "test_a.py": ask, "test_b.py": ask})
    assert found["test_b.py"] == {"test_b.py", "server.py", "data/a"}


def test_forks_count(run: Run) -> None:
    test = "import os\ndef test():\n if not os.fork():\n  open('data/a').close(); os._exit(0)\n os.wait()"
    found = run({"test_a.py": test, "test_b.py": test})
    assert found == {"test_a.py": {"test_a.py", "data/a"}, "test_b.py": {"test_b.py", "data/a"}}


def test_workers_are_put_together(run: Run) -> None:
    files = {f"test_{name}.py": "import m\ndef test(): m.load('a')" for name in "abcd"}
    found = run({"m.py": OPEN, **files, "test_e.py": "def test(): pass"}, "-p", "xdist", "-n2")
    assert found == {name: {name, "m.py", "data/a"} for name in files} | {"test_e.py": {"test_e.py"}}


def test_nothing_happens_without_a_record(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test(): pass")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "once.trace.pytest_plugin", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, check=False, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert done.returncode == 0
