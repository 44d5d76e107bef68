"""Random edits of a workspace and of what surrounds it, for the property tests; `git_edits` has those of git."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edited import DECLARED, EDGES, GENERATED, GROUPS, OUTSIDE, VERSIONS, configuration
from observed import OUTPUT
from workspaces import TOP, Workspace, lock

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
TARGETS = ("m0.py", "m1.py", "../../other/src", "../../../build/secret", "../../../build", "../../../README.md", "gone")
VARIABLES = ("KEYED", "OWN", "OTHER")


@dataclass
class Editor:
    """Edits of a workspace at random, each said in `log`; `folder`: whether one that git ignores is declared."""

    made: Workspace
    random: random.Random
    folder: bool
    log: list[str] = field(default_factory=list)

    def edit(self, kinds: Mapping[Callable[["Editor"], object], int]) -> None:
        """Do one edit of these kinds, with their weights."""
        kind = self.random.choices([*kinds], [*kinds.values()])[0]
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
    editor.made.write("pyproject.toml", TOP + configuration(*words, folder=editor.folder))
    return words


def override(editor: Editor) -> object:
    name = editor.random.choice([*EDGES])
    own = editor.random.choice(("", 'env = ["KEYED", "OWN"]\n', 'inputs = ["/README.md"]\n'))
    own = f"[tool.once.tasks.tests]\n{own}" if own else ""
    editor.made.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\n{own}')
    return name, own


def variable(editor: Editor) -> object:
    name, value = editor.random.choice(VARIABLES), editor.random.choice(("", "1", "2", None))
    if value is None:
        os.environ.pop(name, None)  # noqa: TID251  # of the tested task
    else:
        os.environ[name] = value  # noqa: TID251  # as above
    return name, value


FILES: dict[Callable[[Editor], object], int] = {
    **dict.fromkeys((change, same_size_and_mtime), 10),
    **dict.fromkeys((write, link, remove, rename), 5),
    **dict.fromkeys((clock, mode, relock, variable), 3),
    **dict.fromkeys((hardlink, file_or_folder, configure, override), 1),
}  # fmt: skip
