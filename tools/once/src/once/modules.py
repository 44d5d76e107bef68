"""Which modules a package holds, which ones a file imports, and which distribution a module comes from."""

import ast
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
DEVELOPMENT = re.compile(r"(^|/)(tests?/|conftest\.py$|test_[^/]*\.py$|[^/]*_test\.py$)")


class Import(NamedTuple):
    """An import: the full name of what is imported, its line, and whether only type checkers see it."""

    name: str
    line: int
    typing: bool


@dataclass(kw_only=True)
class Reader(ast.NodeVisitor):
    """Collects what a module imports: by statements, `import_module("...")` and Django's INSTALLED_APPS.

    `strings` are all texts that look like a path to an object, which Django and others import as late as they can.
    """

    imports: list[Import] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)
    _typing: bool = False

    def _add(self, name: str, node: ast.expr | ast.stmt) -> None:
        self.imports.append(Import(name, node.lineno, self._typing))

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b`."""
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from a import b`, which may be a module; relative imports stay in the package."""
        if node.level == 0:
            for alias in node.names:
                self._add(f"{node.module}.{alias.name}", node)

    def visit_If(self, node: ast.If) -> None:
        """`if TYPE_CHECKING:`."""
        outer = self._typing
        self._typing = outer or ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"
        child: ast.AST
        for child in node.body:
            self.visit(child)
        self._typing = outer
        for child in (*node.orelse, node.test):
            self.visit(child)

    def visit_Call(self, node: ast.Call) -> None:
        """`import_module("a.b")`."""
        match node:
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ) if MODULE.fullmatch(name):
                self._add(name, node)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """`INSTALLED_APPS = [...]`."""
        self._assigned(node.targets, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """`INSTALLED_APPS: list[str] = [...]`."""
        self._assigned([node.target], node.value)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """`INSTALLED_APPS += [...]`."""
        self._assigned([node.target], node.value)
        self.generic_visit(node)

    def _assigned(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        if value is not None and any(isinstance(each, ast.Name) and each.id == "INSTALLED_APPS" for each in targets):
            for each in ast.walk(value):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and MODULE.fullmatch(each.value):
                    self._add(each.value, each)

    def visit_Constant(self, node: ast.Constant) -> None:
        """`"path.to.object"`."""
        if isinstance(node.value, str) and "." in node.value and MODULE.fullmatch(node.value):
            self.strings.add(node.value)


def read(text: bytes) -> Reader:
    """Return what a module imports.

    Raises:
        SyntaxError: It is no Python of this version.
    """
    reader = Reader()
    reader.visit(ast.parse(text))
    return reader


class Layout(NamedTuple):
    """The modules of a package: those of its wheel by their full names, and the files that these are."""

    modules: frozenset[str]
    shipped: frozenset[str]


def layout(path: str, files: Collection[str], pyproject: Mapping[str, Any]) -> Layout:
    """Return the modules that a package installs.

    They are what `[tool.uv.build-backend]` says, else all below `src`, else the folders that are packages.

    Args:
        path: The package's folder from the root, "." for the root itself.
        files: Its files, from the root.
        pyproject: Its pyproject.toml.
    """
    backend = pyproject.get("tool", {}).get("uv", {}).get("build-backend", {})
    above = "" if path == "." else f"{path}/"
    source = f"{above}src/"
    names: Collection[str] = ()
    if backend.get("module-root") == "" or not any(file.startswith(source) for file in files):
        source = above
        named = backend.get("module-name", ())
        names = [named] if isinstance(named, str) else named
        names = names or {pyproject["project"]["name"].replace("-", "_").lower(), *_packages(source, files)}
    shipped, modules = set(), set()
    for file in files:
        inside = file.removeprefix(source)
        top = inside.partition("/")[0].removesuffix(".py")
        if file.startswith(source) and file.endswith(".py") and (top in names or not names):
            modules.add(inside.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            if not DEVELOPMENT.search(inside):
                shipped.add(file)
    return Layout(frozenset(modules), frozenset(shipped))


def _packages(source: str, files: Collection[str]) -> Iterator[str]:
    for file in files:
        match file.removeprefix(source).split("/"):
            case [name, "__init__.py"] if name not in {"tests", "test", "docs"}:
                yield name


def site_packages() -> Path:
    """Return where the environment of this Python keeps its distributions; `once` itself runs without it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.executable).parent.parent / "lib" / version / "site-packages"


def providers(folder: Path) -> dict[str, frozenset[str]]:
    """Return the normalized names of the distributions that each top-level module of an environment comes from."""
    sys.path.append(str(folder))
    try:
        found = packages_distributions()
    finally:
        sys.path.remove(str(folder))
    return {module: frozenset(map(normalized, names)) for module, names in found.items()}


def normalized(name: str) -> str:
    """Return a distribution's name in the one form that compares (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()
