"""Selection below the package: of a task with `granularity = "file"`, the test files whose recorded inputs changed.

After a pass, what each test file depends on (`trace.by_test_file`) is kept with its content. The next time a file runs
again if something of that has changed, come or gone, if it is new, or if all have to: for a changed task, lock,
interpreter, variable, conftest.py or configuration, for a new module (it may hide another), and after programs ran that
could not be traced. The results of the other files are kept: they are in the result, and in its JUnit report.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from once import junit, run, trace
from once import listing as disk
from once.changes import parse
from once.inputs import Inputs
from once.keys import Keys
from once.listed import GENERATED, listing
from once.memo import SCHEMA
from once.parts import VARIABLE
from once.shards import is_pytest, is_test_file
from once.store import LocalStore, Result
from once.trace import read
from once.workspace import Job

type Tests = Mapping[str, Mapping[str, str]]

_FOR_ALL = frozenset(
    {
        "conftest.py",
        "pyproject.toml",
        "pytest.toml",
        ".pytest.toml",
        "pytest.ini",
        ".pytest.ini",
        "tox.ini",
        "setup.cfg",
    }
)
_CODE = (".py", ".pyi", ".so", ".pth")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which test files of a job run: all but `kept`, of which the last pass holds, with what each depends on."""

    kept: Tests
    before: Result | None = None
    why: str = ""


ALL = Selection(kept={})
KEPT = b"once: kept:"  # how the log of a run of some test files begins


def select(job: Job, keys: Keys, store: LocalStore) -> Selection:
    """Return what of a job has to run again since its last pass."""
    if job.definition.granularity != "file" or not is_pytest(job):
        return ALL
    known: dict[str, Any] = json.loads(store.note(_name(job)) or b"{}")
    before = store.get(known["key"]) if known else None
    if before is None:
        return replace(ALL, why="there is no pass to compare with")
    now = _surroundings(job, keys)
    if now["all"] != known["all"]:
        return replace(ALL, why="what all test files depend on changed")
    inputs, files = keys.inputs, known["files"]
    folders = {file.rpartition("/")[0] for file in files}
    fresh = set(now["code"]) - set(known["code"])
    if other := sorted(path for path in fresh if not (is_test_file(path) and path.rpartition("/")[0] in folders)):
        return replace(ALL, why=f"{other[0]} is new")
    kept = {
        file: depends
        for file, depends in files.items()
        if inputs.exists(file)
        and file not in job.others
        and all(_content(inputs, path) == content for path, content in depends.items())
    }
    return Selection(kept=kept, before=before)


def depends(job: Job, record: str, inputs: Inputs) -> Tests | None:
    """Return what each test file that ran depends on, with its content; None where that is not known, or not asked.

    The task's own commands run each time; what they start themselves, and is not traced, may read for any test file.
    """
    if job.definition.granularity != "file" or not is_pytest(job) or read(record).native:
        return None
    return {
        file: {path: _content(inputs, path) for path in sorted(paths) if GENERATED.isdisjoint(path.split("/"))}
        for file, paths in trace.by_test_file(record).items()
    }


def keep(job: Job, keys: Keys, tests: Tests | None, store: LocalStore) -> None:
    """Keep what the test files of a pass depend on.

    Raises:
        OSError: The disk is full, or the folder may not be written.
    """
    if tests is not None:
        about = _surroundings(job, keys) | {"key": keys.of(job).digest, "files": tests}
        store.keep_note(_name(job), json.dumps(about).encode())


def completed(done: run.Done, selection: Selection, root: str) -> run.Done:
    """Return a pass of the selected files with the kept results of the others, its reports on the disk too.

    Raises:
        OSError: See `run.restore`.
    """
    kept, before = selection.kept, selection.before
    if not kept or before is None:
        return done
    outputs = {
        path: (mode, junit.merged(content, before.outputs[path][1], kept))
        if path.endswith(".xml") and path in before.outputs
        else (mode, content)
        for path, (mode, content) in done.outputs.items()
    }
    text = f" {len(kept)} test files have unchanged inputs; their results are kept\n".encode()
    return replace(done, outputs=outputs, stamps=run.restore(root, outputs), log=KEPT + text + done.log)


def environment(
    job: Job, selection: Selection, environ: Mapping[str, str], *, home: str, scratch: str
) -> dict[str, str]:
    """Return the variables that make a job's pytest run the selected files, and say what each reads."""
    plugins = ["once.trace.pytest_plugin"] if job.definition.granularity == "file" and is_pytest(job) else []
    found = {}
    if job.part or selection.kept:
        plugins.append("once.pytest_files")
        skip = sorted({*selection.kept, *job.others})
        about = {
            "root": home,
            "skip": skip,
            "known": sorted({*skip, *job.files}),
            "shard": job.part or "1/1",
        }
        found[VARIABLE] = file = f"{scratch}/test-files"
        with open(file, "w", encoding="utf-8") as opened:
            json.dump(about, opened)
    if plugins:
        words = [environ.get("PYTEST_ADDOPTS", ""), *(f"-p {plugin}" for plugin in plugins)]
        found["PYTEST_ADDOPTS"] = " ".join(filter(None, words))
    return found


def _surroundings(job: Job, keys: Keys) -> dict[str, Any]:
    """Return what all test files depend on, as a digest, and the modules that there are."""
    inputs = keys.inputs
    paths = inputs.of(job)
    lines = [
        f"{name}\t{value}"
        for name, value in sorted(parse(keys.of(job).manifest).items())
        if not name.startswith(("files ", "sources ")) and not (name.startswith("input ") and ".toml#" not in name)
    ]
    lines += [f"{path}\t{_content(inputs, path)}" for path in sorted(paths) if path.rpartition("/")[2] in _FOR_ALL]
    return {
        "all": sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest(),
        "code": sorted(path for path in paths if path.endswith(_CODE)),
    }


def _content(inputs: Inputs, path: str) -> str:
    """Return the content of a file, or the names of a folder, as a digest; "absent" where there is nothing."""
    entry = inputs.snapshot.files.get(path)
    if entry is not None:
        return f"{entry.mode} {entry.digest}"
    place = os.path.join(inputs.snapshot.root, path)
    if os.path.isdir(place) and not os.path.islink(place):
        return listing(inputs, path, modules=False).digest
    found = disk.entry(place)
    return " ".join(found) if found else "absent"


def _name(job: Job) -> str:
    return f"test files {SCHEMA} {job.history}"
