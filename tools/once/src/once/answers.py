"""Answers that the memo has: a run in which all is cached, a list of affected packages that was asked for before.

On the way of every run: only built-in modules are imported here.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from once import listing, memo, since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def passed(root: str, known: dict[str, Any], tasks: Sequence[str], packages: Sequence[str]) -> int | None:
    """Return how many jobs of these tasks and packages have passed under their present keys, None if any has not.

    Its outputs must be in place, as they were restored.
    """
    jobs: Mapping[str, Sequence[tuple[str, str]]] = known["jobs"]
    done: Mapping[str, Sequence[memo.Stamp]] = known["done"]
    count = 0
    for task in tasks:
        chosen = [key for name, key in jobs.get(task, ()) if not packages or name in packages]
        if not chosen:
            return None
        for key in chosen:
            stamps = done.get(key)
            if stamps is None or any(memo.stamp(root, each[0]) != each for each in stamps):
                return None
        count += len(chosen)
    return count


def run(arguments: Sequence[str], began: float) -> bool:
    """Answer `once run TASK... [-p PACKAGE]...` where everything is cached; False where there is more to do."""
    tasks, packages = [], []
    words = iter(arguments)
    for word in words:
        if word == "-p":
            packages.append(next(words, ""))
        elif word == "--keep-going":
            continue  # where all is cached there is nothing to keep going
        elif word.startswith("-"):
            return False
        else:
            tasks.append(word)
    root = listing.root_of(os.getcwd())
    if not tasks or root is None:
        return False
    known = memo.unchanged(root)
    if known is None or any(name not in known["packages"] for name in packages):
        return False
    counts = [passed(root, known, [task], packages) for task in tasks]
    if None in counts:
        return False
    for task, count in zip(tasks, counts, strict=True):
        print(f"{task}: {count} of {count} from cache in {(monotonic() - began) * 1000:.0f} ms")
    return True


def affected(arguments: Sequence[str]) -> bool:
    """Answer `once affected [TASK...] [--base REF] [--json]` where the changes tell; False where keys have to."""
    tasks, base, as_json = [], "main", False
    words = iter(arguments)
    for word in words:
        if word == "--base":
            base = next(words, "")
        elif word == "--json":
            as_json = True
        elif word.startswith("-"):
            return False
        else:
            tasks.append(word)
    root = listing.root_of(os.getcwd())
    answer = since.since(root, base) if root is not None else None
    if root is None or answer is None:
        return False
    rows, keep = answer
    if any(task not in {row[0] for row in rows} for task in tasks):
        return False  # it may be none
    show([row for row in rows if not tasks or row[0] in tasks], as_json=as_json)
    sys.stdout.flush()
    try:  # noqa: SIM105  # contextlib is one import more
        keep()
    except OSError:
        pass  # it is only for speed
    return True


def show(jobs: Sequence[tuple[str, str, str]], *, as_json: bool) -> None:
    """Print affected jobs (task, package, path)."""
    print(affected_text(jobs, as_json=as_json), end="")


def affected_text(jobs: Sequence[tuple[str, str, str]], *, as_json: bool) -> str:
    """Return what is printed of affected jobs: each package once, or all as JSON."""
    if not as_json:
        return "".join(f"{name}\n" for name in sorted({package for _, package, _ in jobs}))
    # Names and paths of packages: json would take longer to import than this whole answer takes.
    rows = ([_quoted(text) for text in job] for job in jobs)
    texts = (f'{{"task": {task}, "package": {package}, "path": {path}}}' for task, package, path in rows)
    return f"[{', '.join(texts)}]\n"


def _quoted(text: str) -> str:
    """Return a JSON string."""
    if text.isascii() and text.isprintable() and not set(text) & {'"', "\\"}:
        return f'"{text}"'
    import json

    return json.dumps(text)
