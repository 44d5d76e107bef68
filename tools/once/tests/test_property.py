"""No wrong hit: after each of many random edits, once's answer is that of a run from scratch.

`pytest tools/once/tests/test_property.py -k no_hit --edits 10000` does more of them, in some four minutes; `history`
says what an edit is compared with.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src"
LENGTH = 1000  # edits of one history
SEEDS = (1, 2, 3, 4)  # of the further histories that a planted bug must not survive
PLANTED = 500  # edits of each


def history(folder: Path, seed: int, edits: int, source: Path) -> subprocess.CompletedProcess[str]:
    """Run a history of edits against a source of once."""
    folder.mkdir(parents=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # noqa: TID251  # of this test run
    return subprocess.run(
        [sys.executable, str(HERE / "history.py"), str(folder), str(seed), str(edits)],
        env=environ | {"PYTHONPATH": f"{source}{os.pathsep}{HERE}"},
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )


def copied(folder: Path) -> Path:
    """Return a copy of once's source: one that is edited meanwhile would be two onces with one cache."""
    return Path(shutil.copytree(SOURCE, folder / "src", ignore=shutil.ignore_patterns("__pycache__")))


def test_no_hit_is_wrong(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    edits: int = pytestconfig.getoption("edits")
    count = max(2, edits // LENGTH)
    source = copied(tmp_path)
    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        done = list(pool.map(lambda seed: history(tmp_path / f"{seed}", seed, edits // count, source), range(count)))
    assert [each.stdout for each in done if each.returncode] == []
    counts = [json.loads(each.stdout.splitlines()[-1]) for each in done]
    total = {name: sum(each[name] for each in counts) for name in counts[0]}
    assert total["looks"] >= edits // count * count
    # The comparison means something: there were hits of each kind, and the same result seldom had two keys.
    assert total["hits"] > total["misses"] > edits
    assert min(total["memos"], total["memo answers"], total["replayed"]) > edits // 100
    assert total["needless misses"] < total["misses"] // 20


MEMO = 'surroundings(root, raw, names=memo["names"], loose=memo["loose"]) != memo["surroundings"]'
DELETED = "        if found is None:\n            "
# What is taken out of once's source (file, text, its replacement) by what the keys or the memo then no longer know, and
# the seed of the history that finds it soonest.
BUGS = {
    "mode": ("keys", 'return f"{entry.mode} {entry.digest}"', "return entry.digest", 3),
    "content": ("keys", 'return f"{entry.mode} {entry.digest}"', "return entry.mode", 3),
    "path": ("keys", 'yield f"{escape(path)}\\t{self._said(path)}\\n"', 'yield f"{self._said(path)}\\n"', 1),
    "upstream": ("keys", "if task.upstream:", "if False:", 3),
    "transitive dependency": ("keys", "workspace.upstream(job):", "workspace.upstream(job)[:1]:", 4),
    "locked closure": ("keys", 'yield "lock", self._lock(job)', 'yield "lock", ""', 1),
    "version of a locked package": ("keys", "{nodes[node].version} {nodes[node].digest}", "", 4),
    "table of a tool": ("keys", "self._table(name) if table else", '"" if table else', 1),
    "declared data": ("keys", "else self._listing(self._file_lines(paths))", 'else ""', 4),
    "ignored and declared": ("inputs", "self.matching(path) or self._unlisted(path)", "self.matching(path)", 2),
    "declared variable": ("keys", "in task.env:", "in ():", 3),
    "task's definition": ("keys", "task.text()", '""', 1),
    "symlink's target": ("keys", "in self.inputs.linked(path):", "in ():", 1),
    "symlink's target outside": ("keys", "listing.through(os.path.join(snapshot.root, path))", "None", 4),
    "inputs that a package adds to": ("workspace", '*above.get("inputs", ()), ', "", 3),
    "untracked": ("listing", '"-z", "-o",', '"-z",', 1),
    "deleted": ("git", DELETED + "files.pop(path, None)", DELETED + "pass", 4),
    "content, but for mtime and size": ("listing", "blob(opened.read(),", 'blob(b"%d %d" % found[6:9:2],', 1),
    "assume-unchanged": ("listing", 'b"h", b"s", b"m", b"c", b"r")', ")", 1),
    "skip-worktree": ("listing", 'b"S", ', "", 2),
    "second of the index": ("git", "now == recorded[path] and times[0][0] < written", "True", 3),
    "repository inside": ("git", "files.update(_nested(root, path))", "pass", 1),
    "converted by git": ("git", "files.update(_read(root, files, differing))", "pass", 7),
    "name's case": ("listing", '"core.ignoreCase=false"', '"core.ignoreCase=true"', 4),
    "executable bit where git ignores it": ("listing", '"core.fileMode=true"', '"core.fileMode=false"', 3),
    "memo: content of what is unclean": ("memo", MEMO, MEMO.replace(" !=", "[1:] !=") + "[1:]", 4),
    "memo: content of what is ignored": ("memo", MEMO, MEMO.replace(" !=", "[::2] !=") + "[::2]", 2),
    "memo: variables": ("memo", MEMO, MEMO.replace(" !=", "[:2] !=") + "[:2]", 3),
}  # fmt: skip


@pytest.fixture(scope="module")
def histories(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[list[str]]]]:
    """Return what the property test says of each bug that this run has selected."""
    wanted = {
        item.callspec.params["bug"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "bug" in item.callspec.params
    }
    with ThreadPoolExecutor(2 * (os.process_cpu_count() or 1)) as pool:  # half of the time they wait
        yield {bug: pool.submit(caught, tmp_path_factory.mktemp("bug"), *BUGS[bug]) for bug in BUGS if bug in wanted}


def caught(folder: Path, module: str, text: str, replacement: str, seed: int) -> list[str]:
    """Return the end of each history with a bug planted, until one finds a wrong hit."""
    source = copied(folder)
    file = source / f"once/{module}.py"
    code = file.read_text(encoding="utf-8")
    assert code.count(text) == 1, f"once/{module}.py has {text!r} {code.count(text)} times, not once: plant it anew"
    file.write_text(code.replace(text, replacement), encoding="utf-8")
    ends = []
    for each in dict.fromkeys((seed, *SEEDS)):
        done = history(folder / f"{each}", each, PLANTED, source)
        ends.append(done.stdout or done.stderr[-1000:])
        if done.returncode:
            break
    return ends


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(histories: dict[str, Future[list[str]]], bug: str) -> None:
    *survived, last = histories[bug].result()
    assert last.startswith("wrong hit"), survived
