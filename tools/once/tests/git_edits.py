"""Random edits through git, and of what git is told, for the property tests."""

import os
from collections.abc import Callable

from edited import EDGES
from edits import CONTENTS, Editor, clear

FLAGS = ("assume-unchanged", "skip-worktree")
ATTRIBUTES = ("", "*.csv text eol=crlf\n", "*.py text eol=crlf\n", "# nothing\n")
SETTINGS = (
    ("core.autocrlf", ("true", "input", "false")),
    ("core.fileMode", ("true", "false")),
    ("core.ignoreCase", ("true", "false")),
    ("core.symlinks", ("true", "false")),
    ("core.trustctime", ("true", "false")),
    ("core.checkStat", ("minimal", "default")),
    ("core.untrackedCache", ("true", "false")),
)
INDEXES = ("--index-version=2", "--index-version=4", "--split-index", "--no-split-index", "--untracked-cache")


def attributes(editor: Editor) -> object:
    text = editor.random.choice(ATTRIBUTES)
    where = editor.random.choice((".gitattributes", "packages/base/.gitattributes", ".git/info/attributes"))
    editor.made.write(where, text)
    return where, text


def commit(editor: Editor) -> object:
    return editor.git("add", "--all"), editor.git("commit", "--quiet", "--allow-empty", "--message", "x")


def stage(editor: Editor) -> object:
    words = editor.random.choice((["add"], ["add", "-N"], ["rm", "-q", "--cached"], ["checkout", "-q", "--"]))
    return editor.git(*words, editor.relative(editor.existing()))


def flag(editor: Editor) -> object:
    file, which = editor.existing(), editor.random.choice(FLAGS)
    said = editor.git(
        "update-index", editor.random.choice((f"--{which}", f"--{which}", f"--no-{which}")), editor.relative(file)
    )
    if editor.random.random() < 0.5:
        file.write_bytes(editor.random.choice(CONTENTS))
        return said, "and changed"
    return said


def race(editor: Editor) -> object:
    """Change a file in the second in which git looked at it, with its size and mtime as they were."""
    file, mtime = editor.existing(), editor.random.choice((1_000_000_000, 1_700_000_000))
    os.utime(file, (mtime, mtime))
    said = editor.git("add", editor.relative(file)), editor.random.random() < 0.5 and editor.git("commit", "-qm", "x")
    file.write_bytes(bytes(editor.random.choice(b"abc\n") for _ in file.read_bytes()))
    os.utime(file, (mtime, mtime))
    return file, said


def stash(editor: Editor) -> object:
    return editor.git(
        "stash", *editor.random.choice((("push", "-q"), ("push", "-q", "-u"), ("pop", "-q"), ("pop", "-q")))
    )


def branch(editor: Editor) -> object:
    name = editor.random.choice(("one", "two", "main"))
    words = editor.random.choice(
        (("checkout", "-q"), ("checkout", "-q"), ("checkout", "-q", "-f"), ("checkout", "-q", "-B"))
    )
    return editor.git(*words, name)


def rebase(editor: Editor) -> object:
    name = editor.random.choice(("one", "two", "main"))
    said = editor.git(*editor.random.choice((("rebase", "-q"), ("merge", "-q", "--no-edit"), ("cherry-pick",))), name)
    if "exit" in said and editor.random.random() < 0.7:
        return (
            said,
            editor.git("rebase", "--abort"),
            editor.git("merge", "--abort"),
            editor.git("cherry-pick", "--abort"),
        )
    return said


def reset(editor: Editor) -> object:
    return editor.git(
        "reset", "-q", editor.random.choice(("--hard", "--soft", "--mixed")), editor.random.choice(("HEAD", "HEAD~1"))
    )


def setting(editor: Editor) -> object:
    name, values = editor.random.choice(SETTINGS)
    return editor.git("config", name, editor.random.choice(values))


def index(editor: Editor) -> object:
    kind = editor.random.random()
    if kind < 0.5:
        return editor.git("update-index", editor.random.choice(INDEXES))
    if kind < 0.6:
        return editor.git("update-index", "-q", "--refresh")
    seconds = editor.random.choice((1_000_000_000, 3_000_000_000))
    os.utime(editor.made.root / ".git/index", (seconds, seconds))
    return seconds


def sparse(editor: Editor) -> object:
    return editor.git(
        "sparse-checkout", *editor.random.choice((("disable",), ("disable",), ("set", "packages/base", "packages/lib")))
    )


def nested(editor: Editor) -> object:
    kind, packages = editor.random.random(), editor.made.root / "packages"
    if kind < 0.4:
        name = f"packages/{editor.random.choice([*EDGES])}/vendor"
        return editor.git("submodule", "--quiet", "add", "--force", str(editor.made.root.parent / "inner"), name)
    if kind < 0.6:
        return editor.git("submodule", "--quiet", "update", "--init", "--force")
    folder = packages / editor.random.choice([*EDGES]) / "nested"
    if folder.exists() and kind < 0.8:
        clear(folder)
        return folder, "away"
    folder.mkdir(exist_ok=True)
    (folder / "m0.py").write_bytes(editor.random.choice(CONTENTS))
    return (
        editor.git("init", "-q", str(folder)),
        editor.git("-C", str(folder), "add", "--all"),
        editor.git("-C", str(folder), "commit", "-qm", "x"),
    )


GIT: dict[Callable[[Editor], object], int] = {
    **dict.fromkeys((commit, branch, race), 4),
    **dict.fromkeys((stage, flag, stash), 3),
    **dict.fromkeys((rebase, reset, attributes, setting, index, nested, sparse), 1),
}  # fmt: skip
