"""A history of random edits, after each of which once's answer is compared with a run from scratch.

`python history.py FOLDER SEED EDITS`: exit 1 and the two states where one key, or the memo, stands for different
results. It runs in a process of its own, so that it can be pointed at a once with a bug planted in it (PYTHONPATH).
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from edited import start
from edits import FILES, VARIABLES, Editor, clear
from git_edits import GIT
from observed import REPOSITORIES, Disk

from once import listing, memo
from once.checkout import UNUSABLE, Checkout, checkout
from once.store import LocalStore, Result

TASKS = ("lint", "tests")
EVERY_COMMAND = 250  # edits between two looks through the command line, which runs what is not cached
EVERY_SETTLED = 400  # edits between two pauses, after which git is trusted by its index and the memo by git's list
BURST = 60  # edits after a pause, none of which asks git
KEPT = 10  # edits after a pause during which the memo stays what it was
STUCK = 4  # looks at a workspace that cannot be used, before it is set right


COUNTED = (
    "looks",
    "hits",
    "misses",
    "needless misses",
    "memos",
    "memo answers",
    "script's answers",
    "commands",
    "replayed",
)
ENVIRON = os.environ  # of the tested jobs, which edits change


class WrongHit(Exception):
    """What once would answer is not what a run from scratch gives."""


@dataclass
class History:
    """The states of a workspace so far, by their keys and by their results."""

    editor: Editor
    store: LocalStore
    seen: dict[str, int] = field(default_factory=dict)
    keys: dict[tuple[str, str, str], str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    unusable: int = 0
    settled: int = 0
    remembered: dict[tuple[str, str], str] | None = None

    @property
    def root(self) -> str:
        """Return the workspace's root."""
        return str(self.editor.made.root)

    def go(self, edits: int) -> None:
        """Edit and look, again and again.

        Raises:
            WrongHit: See there.
        """
        for step in range(edits):
            self.editor.edit(FILES if step % EVERY_SETTLED < BURST else FILES | GIT)
            self.look()
            if step % EVERY_SETTLED == 0:
                self.settle()
            if step % EVERY_COMMAND == EVERY_COMMAND - 1:
                self.command()

    def settle(self) -> None:
        """Let the second pass in which the index was written, then remember what is there.

        What makes once look at more than git's list is taken away: repositories inside, and what git converts.
        """
        root = self.editor.made.root
        for path in (".gitattributes", "packages/base/.gitattributes", ".git/info/attributes"):
            clear(root / path)
        for folder in root.glob("packages/*/*"):
            if folder.name in REPOSITORIES:
                clear(folder)
        self.editor.git("rm", "-r", "-q", "--cached", ".")
        self.editor.git("add", "--all")
        time.sleep(listing.SETTLED + 1.1)
        self.remembered = None
        self.look()
        self.settled = len(self.editor.log)
        self.look()

    def look(self) -> None:
        """Compare each job's key, and what is stored under it, with its result from scratch."""
        expected, now = self.scratch(), self.checkout()
        self.counts["looks"] += 1
        known = memo.unchanged(self.root)
        if expected is None or now is None:
            self.unusable += 1
            if self.unusable > STUCK:
                self.mend()
            return
        self.unusable = 0
        jobs = {(job.member.name, job.task): now.keys.of(job).digest for job in now.workspace.jobs(TASKS)}
        for job, key in jobs.items():
            self.compare(job, key, expected.get(job, "no such package"))
        if known is not None:
            self.counts["memo answers"] += 1
            remembered = {(name, task): key for task, pairs in known["jobs"].items() for name, key in pairs}
            if wrong := {job for job in jobs if remembered.get(job) != jobs[job]}:
                raise WrongHit(f"the memo has other keys than the long way for {len(wrong)} jobs: {sorted(wrong)}")
        if self.remembered is not None and len(self.editor.log) - self.settled <= KEPT:
            self.script(jobs)
        elif known is None and (found := now.memo(TASKS, dict.fromkeys(jobs.values(), ()))) is not None:
            memo.write(self.root, found)
            self.remembered = jobs
            self.counts["memos"] += 1

    def script(self, jobs: dict[tuple[str, str], str]) -> None:
        """Ask the script that says what the memo says, which takes no Python; all jobs are stored."""
        made = self.editor.made
        command = ["sh", "-x", *made.command("run", *TASKS)]
        environ = made.environment(**self.variables())
        done = subprocess.run(command, cwd=self.root, env=environ, check=False, capture_output=True)
        if b"+ exec" in done.stderr:
            self.remembered = jobs  # Python was asked, and has written what is so now
            return
        self.counts["script's answers"] += 1
        if self.remembered != jobs:
            raise WrongHit("the memo's script still answers for the state before")

    def compare(self, job: tuple[str, str], key: str, result: str) -> None:
        """Look a key up and keep what the job would leave."""
        step = len(self.editor.log)
        stored = self.store.get(key)
        if stored is None:
            self.counts["needless misses"] += self.keys.setdefault((*job, result), key) != key
            body = Result(exit_code=0, log=f"{result}\n".encode(), seconds=0.1, manifest=b"")
            self.store.put(key, body)
            self.seen[key] = step
            self.counts["misses"] += 1
            return
        self.counts["hits"] += 1
        if stored.log != f"{result}\n".encode():
            since = self.seen.get(key, 0)
            raise WrongHit(f"{job} has at step {step} the key of step {since}, and another result")

    def variables(self) -> dict[str, str]:
        """Return the variables that edits set."""
        return {name: ENVIRON[name] for name in VARIABLES if name in ENVIRON}

    def scratch(self) -> Mapping[tuple[str, str], str] | None:
        """Return each job's result, None where the workspace cannot be used."""
        try:
            disk = Disk(self.root)
            return {(name, task): disk.result(name, task, ENVIRON) for name in disk.packages() for task in TASKS}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def checkout(self) -> Checkout | None:
        """Return the workspace as once sees it, None where it cannot be used."""
        try:
            now = checkout(self.root)
        except UNUSABLE:
            return None
        return now if set(now.workspace.tasks) == set(TASKS) else None

    def command(self) -> None:
        """Run through the command line, where the task itself says what its result depends on."""
        expected = self.scratch()
        if expected is None:
            return
        self.counts["commands"] += 1
        made = self.editor.made
        source = {"PYTHONPATH": ENVIRON.get("PYTHONPATH", "")}
        done = made.once("run", *TASKS, "-v", "--keep-going", **self.variables(), **source)
        lines = done.stdout.splitlines()
        for line, after in pairwise(lines):
            if line.startswith("--- "):
                task, _, name = line[4:-1].partition("(")
                if after != expected.get((name, task)):
                    raise WrongHit(
                        f"`once run` replays {after} for {task}({name}), which now gives {expected.get((name, task))}"
                    )
                self.counts["replayed"] += 1

    def mend(self) -> None:
        """Set a workspace right that cannot be used."""
        for words in (
            ("rebase", "--abort"),
            ("merge", "--abort"),
            ("cherry-pick", "--abort"),
            ("sparse-checkout", "disable"),
            ("checkout", "-q", "-f", "main"),
            ("reset", "-q", "--hard", "start"),
        ):
            self.editor.git(*words)
        self.editor.log.append("mended")
        self.unusable = 0


def main(folder: Path, seed: int, edits: int) -> int:
    """Return 1 where a hit would be wrong."""
    declared = seed % 2 == 0
    made = start(folder, declared=declared)
    made.git("tag", "start")
    ENVIRON["ONCE_CACHE_DIR"] = str(made.cache)
    history = History(Editor(made, random.Random(seed), declared), LocalStore())
    try:
        history.go(edits)
    except WrongHit as error:
        log = history.editor.log
        print(f"wrong hit, seed {seed}, edit {len(log)}: {error}")
        print("".join(f"  {number} {line}\n" for number, line in list(enumerate(log, 1))[-40:]))
        return 1
    print(json.dumps(history.counts))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
