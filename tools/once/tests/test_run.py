import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

CHAIN = {"base": [], "lib": ["base"], "app": ["lib"]}


@pytest.fixture
def chain(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, CHAIN)


def shell(script: str, rest: str = "") -> str:
    return f"\n[tool.once.tasks.tests]\nrun = [['sh', '-c', '{script}']]\n{rest}\n"


def everything(status: str) -> dict[str, str]:
    return dict.fromkeys(("tests(app)", "tests(base)", "tests(lib)"), status)


def test_a_second_run_is_all_hits(chain: Workspace) -> None:
    assert chain.statuses() == everything("passed")
    assert chain.statuses() == everything("hit")
    done = chain.once("run", "tests")
    assert (done.returncode, re.sub(r"\d+ ms", "N ms", done.stdout)) == (0, "tests: 3 of 3 from cache in N ms\n")


def test_the_memo_answers_as_the_long_way_does(chain: Workspace) -> None:
    chain.once("run", "tests")
    time.sleep(3.1)  # the second in which git's index was written must be over
    chain.once("run", "tests")
    program = "import sys; sys.path.append(sys.argv.pop(1)); from once.cli import main; main()"
    source = (next((chain.root / ".venv/lib").glob("*/site-packages/once.pth"))).read_text()
    command = [
        str(chain.root / ".venv/bin/python"),
        "-I",
        "-S",
        "-X",
        "importtime",
        "-c",
        program,
        source,
        "run",
        "tests",
    ]
    done = subprocess.run(command, cwd=chain.root, env=chain.environment(), check=True, capture_output=True, text=True)
    assert re.sub(r"\d+ ms", "N ms", done.stdout) == "tests: 3 of 3 from cache in N ms\n"
    found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"once.memo", "once.listing"} <= found
    assert not found & {"argparse", "dataclasses", "typing", "re", "json", "subprocess", "hashlib", "once.keys"}


def test_a_change_runs_the_package_and_its_dependents(chain: Workspace) -> None:
    chain.statuses()
    chain.write("packages/lib/src/m0.py", "x = 7\n")
    assert chain.statuses() == everything("passed") | {"tests(base)": "hit"}
    chain.write("packages/lib/src/m0.py", "x = 0\n")
    assert chain.statuses() == everything("hit")


def test_a_change_of_tests_runs_their_package_only(chain: Workspace) -> None:
    chain.statuses()
    chain.write("packages/base/tests/test_base.py", "")
    assert chain.statuses() == everything("hit") | {"tests(base)": "passed"}


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("other\n")])
def test_outputs_are_put_back(chain: Workspace, spoil: object) -> None:
    chain.statuses()
    output = chain.root / "packages/lib/out/r"
    for _ in range(2):
        assert callable(spoil)
        spoil(output)
        assert chain.statuses() == everything("hit")
        assert output.read_text() == "made lib\n"


def test_outputs_keep_mode_and_links(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        {"base": []},
        tasks=shell(
            "mkdir -p build && echo a > build/a && chmod +x build/a && ln -sfn a build/l", 'outputs = ["/build"]'
        ),
    )
    made.statuses()
    shutil.rmtree(made.root / "build")
    assert made.statuses() == {"tests(base)": "hit"}
    assert os.access(made.root / "build/a", os.X_OK)
    assert (made.root / "build/l").readlink() == Path("a")


def test_logs_are_replayed(chain: Workspace) -> None:
    chain.once("run", "tests")
    done = chain.once("run", "tests", "--replay", "-p", "lib")
    assert re.sub(r"\d+ ms", "N ms", done.stdout) == "--- tests(lib)\nran lib\ntests: 1 of 1 from cache in N ms\n"


def test_a_failure_is_shown_and_not_stored(tmp_path: Path) -> None:
    made = workspace(tmp_path, CHAIN, tasks=shell("echo broken {name}; exit 3"))
    for _ in range(2):
        done = made.once("run", "tests", "-j", "1")
        assert (done.returncode, done.stderr) == (1, "broken app\ntests(app) FAILED\n")
        assert re.sub(r"\d+ ms", "N ms", done.stdout) == "tests: 0 of 3 from cache, 1 failed, 2 skipped in N ms\n"
    assert made.statuses() == everything("failed")


def test_posargs_are_appended_and_not_cached(tmp_path: Path) -> None:
    made = workspace(
        tmp_path, {"base": []}, tasks='\n[tool.once.tasks.tests]\nrun = [["echo", "first"], ["echo", "{name}"]]\n'
    )
    for _ in range(2):
        done = made.once("run", "tests", "--", "-k", "name")
        assert done.stdout.startswith("--- tests(base)\nfirst\nbase -k name\ntests: 0 of 1 from cache, 1 passed in ")
    assert made.statuses() == {"tests(base)": "passed"}


def test_force_runs_what_is_cached(chain: Workspace) -> None:
    chain.statuses()
    assert json.loads(chain.once("run", "tests", "--force", "--json").stdout)["jobs"][0]["status"] == "passed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nope"], "once: There is no task 'nope'; there are: tests.\n"),
        (["run", "test"], "once: There is no task 'test'; there are: tests. Did you mean 'tests'?\n"),
        (["run", "tests", "-p", "nope"], "once: There is no package 'nope'; there are: app, base, lib.\n"),
    ],
)
def test_what_does_not_exist_is_a_wrong_call(chain: Workspace, words: list[str], said: str) -> None:
    done = chain.once(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_misspelt_command_is_told_the_nearest(chain: Workspace) -> None:
    done = chain.once("afected")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(". Did you mean 'affected'?\n")


def test_variables(tmp_path: Path) -> None:
    rest = 'env = ["KEYED"]\npassthrough = ["PASSED"]'
    made = workspace(tmp_path, {"base": []}, tasks=shell("echo $KEYED $PASSED $OTHER", rest))
    done = made.once("run", "tests", "-v", KEYED="k", PASSED="p", OTHER="o")
    assert done.stdout.startswith("--- tests(base)\nk p\n")
    assert made.statuses(KEYED="k", PASSED="p2", OTHER="o2") == {"tests(base)": "hit"}
    assert made.statuses(KEYED="k2") == {"tests(base)": "passed"}
    assert made.statuses() == {"tests(base)": "passed"}
    assert made.statuses(KEYED="") == {"tests(base)": "passed"}


def test_what_a_job_leaves_unignored_is_no_input(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=shell("date +%N > {path}/report", 'outputs = ["report"]'))
    assert made.statuses() == {"tests(base)": "passed"}
    assert made.statuses() == {"tests(base)": "hit"}


def test_inputs_that_change_meanwhile_are_not_stored(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=shell("date +%N > {path}/src/m0.py"))
    done = made.once("run", "tests")
    assert done.returncode == 0
    assert re.sub(r"[0-9a-f]{7}", "ID", done.stderr.splitlines()[1]) == (
        "tests(base) is not stored: its inputs changed while it ran: packages/base/src/m0.py ID -> ID"
    )
    assert made.statuses() == {"tests(base)": "passed"}


def forget_runs(chain: Workspace) -> None:
    """Let the next run look at what is stored; once things have settled, those before it are answer enough."""
    for known in ("state", "quick"):
        shutil.rmtree(chain.cache / known, ignore_errors=True)


def test_a_corrupted_result_is_said_and_made_again(chain: Workspace) -> None:
    chain.statuses()
    for file in (chain.cache / "ac").iterdir():
        file.write_bytes(file.read_bytes()[:-3])
    forget_runs(chain)
    done = chain.once("run", "tests")
    said = [line for line in done.stderr.splitlines() if line.startswith("once:")]
    assert len(said) == 3
    assert all(
        re.fullmatch(r"once: ac/[0-9a-f]{64} was torn or altered; removed, the job runs again", line) for line in said
    )
    assert "3 passed" in done.stdout
    assert chain.statuses() == everything("hit")


def test_a_corrupted_content_is_said_and_made_again(chain: Workspace) -> None:
    chain.statuses()
    forget_runs(chain)
    for file in (chain.cache / "ac").iterdir():
        file.write_bytes(file.read_bytes().replace(b"made lib\n", b"made bad\n"))
    assert chain.statuses() == everything("hit") | {"tests(lib)": "passed"}
    assert (chain.root / "packages/lib/out/r").read_text() == "made lib\n"


def test_a_torn_memo_is_no_memo(chain: Workspace) -> None:
    chain.statuses()
    time.sleep(3.1)
    chain.statuses()
    for state in (chain.cache / "state").iterdir():
        state.write_bytes(state.read_bytes()[:-10])
    assert chain.statuses() == everything("hit")


def test_two_runs_at_once_do_a_job_once(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=shell(f"echo ran >> {tmp_path}/ran; sleep 1"))
    runs = [
        subprocess.Popen(
            made.command("run", "tests"),
            cwd=made.root,
            env=made.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert sorted(run.communicate()[1] for run in runs) == sorted(
        [
            "tests(base) passed in 1.0 s\n",
            "tests(base) is being run by another once; waiting for it\ntests(base) from cache\n",
        ]
    )
    assert (tmp_path / "ran").read_text() == "ran\n"


def await_file(file: Path) -> str:
    for _ in range(400):
        if file.is_file() and file.read_text().endswith("\n"):
            return file.read_text().strip()
        time.sleep(0.025)
    raise AssertionError(f"{file} did not appear")


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    made = workspace(tmp_path, {"base": []}, tasks=shell(f"sleep 300 & echo $! > {tmp_path}/pid; wait"))
    run = subprocess.Popen(
        made.command("run", "tests"), cwd=made.root, env=made.environment(), stderr=subprocess.PIPE, text=True
    )
    pid = int(await_file(tmp_path / "pid"))
    run.send_signal(number)
    assert run.communicate()[1] == "once: interrupted\n"
    assert run.returncode == 130
    assert not is_alive(pid)


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path: Path) -> None:
    made = workspace(
        tmp_path, {"base": []}, tasks=shell(f"echo $$ >> {tmp_path}/pid; test -e {tmp_path}/go || exec sleep 300")
    )
    run = subprocess.Popen(made.command("run", "tests"), cwd=made.root, env=made.environment())
    pid = int(await_file(tmp_path / "pid"))
    run.kill()
    run.wait()
    (tmp_path / "go").touch()
    # The killed run's job still runs, and holds the lock.
    second = subprocess.Popen(
        made.command("run", "tests"), cwd=made.root, env=made.environment(), stderr=subprocess.PIPE, text=True
    )
    assert second.stderr is not None
    assert second.stderr.readline() == "tests(base) is being run by another once; waiting for it\n"
    os.kill(pid, signal.SIGKILL)
    second.communicate()
    assert second.returncode == 0
    assert made.statuses() == {"tests(base)": "hit"}


def test_a_full_disk_costs_the_cache_only(chain: Workspace) -> None:
    chain.cache.write_text("a file where the cache's folder should be")
    done = chain.once("run", "tests")
    assert done.returncode == 0
    assert "3 passed" in done.stdout
    assert "tests(app) is not stored: " in done.stderr
    chain.cache.unlink()
    assert chain.statuses() == everything("passed")


def test_a_file_that_git_does_not_look_at_changes_after_the_memo(chain: Workspace) -> None:
    chain.git("update-index", "--assume-unchanged", "packages/app/src/m0.py")
    time.sleep(3.1)  # the second in which git's index was written must be over
    chain.statuses()
    assert chain.once("run", "tests").stdout.startswith("tests: 3 of 3 from cache")
    chain.write("packages/app/src/m0.py", "x = 7\n")
    assert "2 of 3 from cache, 1 passed" in chain.once("run", "tests").stdout
