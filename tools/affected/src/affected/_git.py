"""What git knows about a change."""

import subprocess
from pathlib import Path


class RevisionUnknown(Exception):
    """Git cannot compare with the revision: it is misspelt, or the clone does not reach back to it."""


def changed_files(root: Path, base: str) -> list[str]:
    """Return the files, relative to `root`, that differ from where the work left `base`.

    Counts commits since the merge base, what is staged, what is not, and new files that git does not
    ignore. A renamed file counts under both names.

    Raises:
        RevisionUnknown: When there is no merge base of `base` and HEAD.
    """
    try:
        fork = _git(root, "merge-base", "--end-of-options", base, "HEAD").strip()
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip() or "it shares no commit with HEAD"
        raise RevisionUnknown(
            f"Cannot compare with {base}: {reason}. Fetch its history, or name another revision."
        ) from None
    tracked = _git(root, "diff", "--name-only", "--no-renames", "--relative", "-z", fork)
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({name for name in (tracked + untracked).split("\0") if name})


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, encoding="utf-8").stdout
