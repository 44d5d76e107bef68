"""Which test file read what, in a job that ran pytest with `-p once.trace.pytest_plugin`.

A read alone does not tell: a module, a cached value or a table of routes is read once, for whoever comes first, and
serves all who come later. So a test file is given

1. what is read while it is collected and while its tests run;
2. what all share: reads outside any test file, and every conftest.py above it;
3. what code of the workspace read, ever, that it reaches by imports, transitively: each read belongs to the nearest
   code of the workspace on the stack. Imports are taken from the sources (a second import reads nothing), those within
   functions and `TYPE_CHECKING` too, and any text that names a module which was loaded, such as an entry of Django's
   INSTALLED_APPS;
4. what code of other packages read before (Django imports routes once), if it imports such code or runs it. Of
   Django's templates each use is seen, so these count for who uses them;
5. what other processes read that lived while it ran.

Each rule gives rather too much than too little. None sees what a test file takes from another by way of a value that
the two share and no import connects, nor a new file that shadows an imported one: look at `Trace.searched` as well.
"""

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from once.trace.record import Entry, processes, read
from once.trace.site import once_log

_OTHERS = "*"
_TEMPLATES = "."
# The standard library keeps nothing of the workspace, but for modules that are imported by a name.
_KEEPS_NOTHING = (sys.stdlib_module_names | {"pytest"}) - {"importlib", "pkgutil", "runpy"}
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_READS = frozenset({once_log.READ, once_log.ABSENT, once_log.FOLDER})


@dataclass(frozen=True)
class _Process:
    entries: list[Entry]
    number: int
    parent: int
    begin: int
    end: float  # infinite when it was killed, or ended without Python's exit functions

    @property
    def sections(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == once_log.SECTION]

    @property
    def reads(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in _READS or entry.kind == once_log.READER]


def by_test_file(record: str) -> dict[str, frozenset[str]]:
    """Return for each test file the paths that it depends on, itself included, all relative to the root.

    Paths are of files, of folders that were listed, and of files that were looked for and not there. A test file has
    to be run again when one of its paths has changed, come or gone.

    Raises:
        RecordLost: When entries of the record may be missing.
    """
    trace = read(record)
    every = [_process(entries) for entries in processes(record) if entries]
    direct = {entry.text: {entry.text} for process in every for entry in process.sections if entry.text}
    edges, foreign = _imports(once_log.read_job(record).root, _modules(every), trace.files)
    users = {file for file in direct if foreign & _reached({file} | _conftests(file), edges)}
    for process in every:
        if process.sections:
            _attribute(process, direct, edges, users)
        else:
            _give({entry.text.split(once_log.WORDS)[-1] for entry in process.reads}, _users(process, every), direct)
    inputs = trace.files | trace.absent | trace.folders
    return {file: frozenset(_reached(paths | _conftests(file), edges) & inputs) for file, paths in direct.items()}


def _process(entries: list[Entry]) -> _Process:
    begin = next(entry for entry in entries if entry.kind == once_log.PROCESS)
    number, parent, *_ = begin.text.split(once_log.WORDS)
    ends = [entry.time for entry in entries if entry.kind == once_log.EXIT]
    return _Process(entries, int(number), int(parent), begin.time, max(ends, default=float("inf")))


def _attribute(
    process: _Process, direct: dict[str, set[str]], edges: dict[str, set[str]], users: Collection[str]
) -> None:
    """Give the reads of a process that runs tests to its sections, and to the code that read.

    `users` are the test files that import other packages, and so may use what these keep.
    """
    section: str | None = None  # before the plugin: pytest's settings
    kept: set[str] = set()
    for entry in process.entries:
        if entry.kind == once_log.SECTION:
            section = entry.text
            _give(kept if section in users else set(), {section} - {""}, direct)
        elif entry.kind == once_log.USED and section is not None:
            _give(kept, {section} - {""}, direct)
        elif section is None and entry.kind in _READS:
            _give(_unless_conftest(entry.text), {""}, direct)
        elif entry.kind == once_log.READER:
            owner, path = entry.text.split(once_log.WORDS)
            if owner == _TEMPLATES:
                _give({path}, {section or ""}, direct)
                continue
            edges.setdefault(owner, set()).add(path)
            if section or owner in {"", _OTHERS}:
                _give(_unless_conftest(path), {section or ""}, direct)
            if owner == _OTHERS:
                kept.add(path)


def _give(paths: set[str], users: set[str], direct: dict[str, set[str]]) -> None:
    """Add paths to test files; to all when one of the users is the part that all share."""
    for file in direct if "" in users else users:
        direct[file] |= paths


def _unless_conftest(path: str) -> set[str]:
    return set() if path.rpartition("/")[2] == "conftest.py" else {path}


def _conftests(file: str) -> set[str]:
    folders = file.split("/")[:-1]
    return {"/".join([*folders[:depth], "conftest.py"]) for depth in range(len(folders) + 1)}


def _users(process: _Process, every: Sequence[_Process]) -> set[str]:
    """Return the sections during which a process lived that runs no tests, of the one that does and started it."""
    runner: _Process | None = process
    while runner is not None and not runner.sections:
        earlier = [other for other in every if other.number == runner.parent and other.begin < runner.begin]
        runner = max(earlier, key=lambda other: other.begin, default=None)
    if runner is None:
        return {""}  # started by a program that is not traced: for whom is not known
    before = [section for section in runner.sections if section.time <= process.begin][-1:]
    during = [section for section in runner.sections if process.begin < section.time <= process.end]
    return {section.text for section in before} | {section.text for section in during if section.text} or {""}


def _modules(every: Iterable[_Process]) -> dict[str, str]:
    entries = (entry for process in every for entry in process.entries if entry.kind == once_log.MODULE)
    words = (entry.text.partition(once_log.WORDS) for entry in entries)
    return {name: path for name, _, path in words}


def _imports(root: str, modules: Mapping[str, str], files: Iterable[str]) -> tuple[dict[str, set[str]], set[str]]:
    """Return which of the modules each source imports, or names in a text, and the sources that import others."""
    foreign: set[str] = set()
    names = {path: name for name, path in modules.items()}
    edges: dict[str, set[str]] = {}
    for file in files:
        source = Path(root, file)
        if file.endswith(".py") and source.is_file():
            package = names.get(file, "") if source.name == "__init__.py" else names.get(file, "").rpartition(".")[0]
            try:
                tree = ast.parse(source.read_bytes())
            except (SyntaxError, ValueError):
                continue  # as data of a test
            edges[file] = {modules[name] for name in _named(tree, package) if name in modules}
            if any(name not in _KEEPS_NOTHING and name not in modules for name in _packages(tree)):
                foreign.add(file)
    return edges, foreign


def _packages(tree: ast.AST) -> Iterator[str]:
    """Yield the packages that a source imports by their own names, and `__import__` if it calls that."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Name(id="__import__"):
                yield "__import__"


def _named(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield every dotted name that an import statement or a text could mean, with those of its packages."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from _prefixes(alias.name)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                for alias in aliases:
                    yield from _prefixes(f"{base}.{alias.name}")
            case ast.Constant(value=str(text)) if _DOTTED.fullmatch(text):
                yield from _prefixes(text)


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _reached(paths: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += edges.get(path, ())
    return reached
