"""Random edits of a workspace, of its git repository and of what surrounds it, for the property tests."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from observed import OUTPUT
import once
from workspaces import TOP, Workspace, lock, workspace

EDGES = {"base": ["django"], "lib": ["base"], "app": ["lib"], "other": ["flask"], "tool": []}
VERSIONS = {"asgiref": "3.8", "django": "6.1.2", "flask": "3.1", "ruff": "0.17.6", "pytest": "9.2.0"}
GROUPS = {"lint": ["ruff"], "tests": ["pytest"]}
CONTENTS = (b"", b"x = 1\n", b"x = 2\n", b"y = 1\r\n", b"y = 2\n", b"long enough to differ in size\n", b"\xff\x00\n")
NAMES = (
    "m0.py",
    "m1.py",
    "M0.py",
    "new.py",
    "a b.csv",
    'odd"\\.txt',
    "line\nend.txt",
    "tab\t.txt",
    "\udcff.txt",
    "x.tmp",
)
FOLDERS = ("src", "tests", "data", "src/deep/er", "build", "__pycache__", "vendor", "nested", ".")
DECLARED = ("configs/limits.toml", "configs/new.toml", "configs/new.txt", "data/a/table.csv", "data/b/c/new.csv")
GENERATED = ("build/generated.txt", "build/generated/one.json", "build/generated/deep/two.json", "build/secret")
OUTSIDE = ("outside/file", "outside/folder/one", "outside/folder/two")
TARGETS = ("m0.py", "m1.py", "../../other/src", "../../../build/secret", "../../../build", "../../../README.md", "gone")
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


@dataclass
class Editor:
    """Edits of a workspace at random, each said in `log`."""

    made: Workspace
    random: random.Random
    log: list[str] = field(default_factory=list)

    def edit(self, *, with_git: bool) -> None:
        """Do one edit; `with_git` says whether git may be asked to do something."""
        kinds, weights = zip(*(FILES | GIT if with_git else FILES).items(), strict=True)
        kind: Callable[[Editor], object] = self.random.choices(kinds, weights)[0]
        try:
            said = kind(self)
        except OSError as error:  # a file where a folder would be: that is an edit that does nothing
            said = f"in vain: {error}"
        self.log.append(f"{kind.__name__} {said}")

    def git(self, *words: str) -> str:
        """Run git, which may refuse: what it leaves then is a state too."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
        command = ["git", *identity, *words]
        done = subprocess.run(command, cwd=self.made.root, check=False, capture_output=True)
        return f"{' '.join(words)!r}{f' exit {done.returncode}' if done.returncode else ''}"

    def file(self) -> Path:
        """Return a path that may be an input, there or not."""
        root, kind = self.made.root, self.random.random()
        if kind < 0.1:
            return root / self.random.choice(DECLARED)
        if kind < 0.2:
            return root / self.random.choice(GENERATED)
        if kind < 0.25:
            return root.parent / self.random.choice(OUTSIDE)
        if kind < 0.3:
            return root / self.random.choice(("README.md", "pyproject.toml.bak", "docs/new.md"))
        package = self.random.choice([*EDGES])
        return root / "packages" / package / self.random.choice(FOLDERS) / self.random.choice((*NAMES, OUTPUT))

    def existing(self) -> Path:
        """Return a file that is there, if one is found soon."""
        tried = [self.file() for _ in range(20)]
        return next((file for file in tried if file.is_file()), tried[0])

    def relative(self, file: Path) -> str:
        """Return a path as git names it."""
        return os.path.relpath(file, self.made.root)


def clear(file: Path) -> None:
    """Take away whatever is at a path."""
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


def write(editor: Editor) -> object:
    file, content = editor.file(), editor.random.choice(CONTENTS)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file, content


def change(editor: Editor) -> object:
    file, content = editor.existing(), editor.random.choice(CONTENTS)
    file.write_bytes(content)
    return file, content


def same_size_and_mtime(editor: Editor) -> object:
    file = editor.existing()
    was, content = file.stat(), file.read_bytes()
    changed = bytes(editor.random.choice(b"abc\n") for _ in content)
    if editor.random.random() < 0.3:  # another file under its name
        beside = file.with_name("beside.tmp")
        beside.write_bytes(changed)
        beside.chmod(was.st_mode)
        beside.replace(file)
    else:
        file.write_bytes(changed)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    return file, changed


def clock(editor: Editor) -> object:
    file, seconds = editor.existing(), editor.random.choice((1, 1_000_000_000, 1_700_000_000, 3_000_000_000))
    os.utime(file, (seconds, seconds))
    return file, seconds


def remove(editor: Editor) -> object:
    file = editor.existing()
    file.unlink()
    return file


def rename(editor: Editor) -> object:
    file, to = editor.existing(), editor.file()
    to.parent.mkdir(parents=True, exist_ok=True)
    file.rename(to)
    return file, to


def hardlink(editor: Editor) -> object:
    file, to = editor.existing(), editor.file()
    to.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, to)
    return file, to


def mode(editor: Editor) -> object:
    file = editor.existing()
    file.chmod(file.stat().st_mode ^ 0o111)
    return file


def link(editor: Editor) -> object:
    packages = editor.made.root / "packages"
    kind = editor.random.random()
    if kind < 0.2:  # one of a chain outside of the workspace, or in a folder that git ignores
        pairs = (("outside/hop", ("file", "hop2", "folder")), ("outside/hop2", ("file", "folder/one", "folder")))
        where, targets = editor.random.choice(
            (*pairs, ("ws/build/secret", ("../README.md", "../../outside/hop", "gone")))
        )
        file, target = editor.made.root.parent / where, editor.random.choice(targets)
    else:
        file = packages / editor.random.choice([*EDGES]) / "src" / editor.random.choice(("link", "m1.py", "deep"))
        target = editor.random.choice(
            (*TARGETS, "link", "deep", "../src/link/one", str(editor.made.root.parent / "outside/hop"))
        )
    clear(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(target)
    return file, target


def file_or_folder(editor: Editor) -> object:
    file = editor.existing()
    if editor.random.random() < 0.5 and file.is_file():
        content = file.read_bytes()
        clear(file)
        file.mkdir()
        (file / "m0.py").write_bytes(content)
        return file, "a folder now"
    folder = file.parent
    if folder.name in {*EDGES, "ws", "packages"} or not folder.is_dir():
        return file, "as it was"
    clear(folder)
    folder.write_bytes(editor.random.choice(CONTENTS))
    return folder, "a file now"


def relock(editor: Editor) -> object:
    versions = {name: editor.random.choice((version, f"{version}.1")) for name, version in VERSIONS.items()}
    edges = EDGES | {"tool": editor.random.choice(([], ["base"], ["asgiref"]))}
    editor.made.write("uv.lock", lock(edges, versions=versions, groups=GROUPS))
    return versions, edges["tool"]


def configure(editor: Editor) -> object:
    words = editor.random.choice(("100", "120")), editor.random.choice(("one", "two"))
    editor.made.write("pyproject.toml", TOP + configuration(*words))
    return words


def override(editor: Editor) -> object:
    name = editor.random.choice([*EDGES])
    own = editor.random.choice(("", "", '[tool.once.tasks.tests]\nenv = ["KEYED", "OWN"]\n'))
    editor.made.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\n{own}')
    return name, own


def variable(editor: Editor) -> object:
    name, value = editor.random.choice(("KEYED", "OWN", "OTHER")), editor.random.choice(("", "1", "2", None))
    if value is None:
        os.environ.pop(name, None)  # noqa: TID251  # of the tested task
    else:
        os.environ[name] = value  # noqa: TID251  # as above
    return name, value


def attributes(editor: Editor) -> object:
    text = editor.random.choice(ATTRIBUTES)
    where = editor.random.choice((".gitattributes", "packages/base/.gitattributes", ".git/info/attributes"))
    editor.made.write(where, text)
    return where, text


def commit(editor: Editor) -> object:
    return editor.git("add", "--all"), editor.git("commit", "--quiet", "--allow-empty", "--message", "x")


def stage(editor: Editor) -> object:
    words = editor.random.choice(
        (["add"], ["add", "-N"], ["rm", "-q", "--cached"], ["checkout", "-q", "--"], ["add", "-f"])
    )
    path = editor.relative(editor.existing())
    # What is ignored and yet in git would be an input that the judge does not expect.
    return (
        editor.git(*words, path)
        if words[-1] != "-f" or not path.endswith(".tmp") and "build" not in path and "__pycache__" not in path
        else "nothing"
    )


def flag(editor: Editor) -> object:
    path, which = editor.relative(editor.existing()), editor.random.choice(FLAGS)
    return editor.git("update-index", editor.random.choice((f"--{which}", f"--no-{which}")), path)


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


FILES: dict[Callable[[Editor], object], int] = {
    **dict.fromkeys((change, same_size_and_mtime), 10),
    **dict.fromkeys((write, link, remove, rename), 5),
    **dict.fromkeys((clock, mode, relock, variable), 3),
    **dict.fromkeys((hardlink, file_or_folder, configure, override), 1),
}  # fmt: skip
GIT: dict[Callable[[Editor], object], int] = {
    **dict.fromkeys((commit, branch), 4),
    **dict.fromkeys((stage, flag, stash), 3),
    **dict.fromkeys((rebase, reset, attributes, setting, index, nested, sparse), 1),
}  # fmt: skip


def configuration(line_length: str, word: str) -> str:
    """Return the tables of the root's pyproject.toml."""
    run = f'run = [[".venv/bin/python", "-I", "-S", "{Path(__file__).with_name("observed.py")}", "{{root}}", "{{name}}"'
    return f"""
[tool.ruff]
line-length = {line_length}

[tool.once.tasks.tests]
{run}, "tests", "{word}"]]
group = "tests"
inputs = ["/configs/*.toml", "/data", "/build/generated.txt", "/build/generated"]
env = ["KEYED"]
outputs = ["{OUTPUT}"]

[tool.once.tasks.lint]
{run}, "lint"]]
group = "lint"
upstream = false
inputs = ["/pyproject.toml#tool.ruff"]
"""


def start(folder: Path) -> Workspace:
    """Generate the workspace that is edited, and what is beside it."""
    made = workspace(folder, EDGES, tasks=configuration("120", "one"), versions=VERSIONS, groups=GROUPS)
    # The once of this process, in which a bug may be planted.
    next(made.root.glob(".venv/lib/*/site-packages/once.pth")).write_text(str(Path(once.__file__).parents[1]))
    made.write(".gitignore", ".venv/\n__pycache__/\nout/\nbuild/\n*.tmp\n")
    for path in (*DECLARED, *GENERATED, "README.md", *(f"../{path}" for path in OUTSIDE)):
        made.write(path, "start\n")
    (folder / "outside/hop").symlink_to("hop2")
    (folder / "outside/hop2").symlink_to("file")
    (folder / "inner").mkdir()
    inner = Workspace(folder / "inner", made.cache)
    inner.git("init", "--quiet", "--initial-branch=main")
    inner.write("m0.py", "inner\n")
    inner.commit()
    made.commit()
    for name in ("one", "two"):
        made.git("branch", name)
    return made
