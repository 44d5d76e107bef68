"""Are the imports of each package what its pyproject.toml declares? And is what it declares used?"""

import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

from once import modules
from once.checkout import Checkout
from once.declared import Declared, Requirement
from once.inputs import Inputs
from once.lock import Node
from once.modules import Import, Layout, Reader, normalized
from once.workspace import Member

# `_typeshed` is a module of the type checkers' standard library.
STANDARD = sys.stdlib_module_names | {"_typeshed"}


class Finding(NamedTuple):
    """What is wrong, where (path from the root, line), and in `message` also what to do about it."""

    path: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        """Return it as compilers do."""
        return f"{self.path}:{self.line}: {self.code}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A member of the workspace with what is needed to judge its imports; `name` is normalized."""

    member: Member
    name: str
    pyproject: str
    declared: Declared
    layout: Layout
    files: tuple[str, ...]

    @cached_property
    def local(self) -> frozenset[str]:
        """Return the names under which its tests and scripts may import each other."""
        above = "" if self.member.path == "." else f"{self.member.path}/"
        beside = (file for file in self.files if file not in self.layout.shipped and file.endswith(".py"))
        return frozenset(part.removesuffix(".py") for file in beside for part in file.removeprefix(above).split("/"))


@dataclass(frozen=True, kw_only=True)
class Imports:
    """The imports of a workspace.

    Attributes:
        packages: The members by normalized name.
        root: What the root's pyproject.toml declares.
        providers: The distributions of each top-level module of the environment.
    """

    checkout: Checkout
    packages: Mapping[str, Package]
    root: Declared
    providers: Mapping[str, frozenset[str]]

    def findings(self) -> list[Finding]:
        """Return all that is wrong, sorted by place."""
        found = list(self._cycles())
        for package in self.packages.values():
            used: set[str] = set()
            allowed = self._allowed(package)
            for file in package.files:
                if not file.endswith(".py") or self.checkout.snapshot.files[file].mode == "120000":
                    continue
                try:
                    reader = modules.read(self.checkout.keys.inputs.read(file))
                except (SyntaxError, ValueError) as error:
                    line = getattr(error, "lineno", None) or 1
                    found.append(Finding(file, line, "unreadable", f"cannot be parsed: {error}"))
                else:
                    used |= self._used(reader)
                    found += self._file(package, file, reader, allowed)
            found += self._unused(package, used)
        return sorted(found)

    @cached_property
    def _owners(self) -> dict[str, set[str]]:
        """Return the members that hold each module; of a namespace, all that have a part in it."""
        owners: dict[str, set[str]] = {}
        for package in self.packages.values():
            for module in package.layout.modules:
                while module:
                    owners.setdefault(module, set()).add(package.name)
                    module = module.rpartition(".")[0]  # noqa: PLW2901  # the one above
        return owners

    def _owner(self, name: str) -> tuple[str, set[str]]:
        """Return the longest module of members that a name starts with, and these members."""
        while name and name not in self._owners:
            name = name.rpartition(".")[0]
        return name, self._owners.get(name, set())

    def _names(self, requirements: Collection[Requirement]) -> set[str]:
        """Return the distributions that requirements name; who asks for an extra asks for what it stands for."""
        found, lock = {each.name for each in requirements}, self.checkout.workspace.lock
        asked = {(each.name, f"[{extra}]") for each in requirements for extra in each.extras}
        for node, part in lock.nodes.items():
            if asked and (_distribution(node), node.section) in asked:
                found |= {_distribution(each) for each in part.edges}
        return found

    def _allowed(self, package: Package) -> tuple[set[str], set[str]]:
        """Return what a package may import: in what it ships, and in its tests and scripts.

        These may import what the root's groups hold; other members only where they are an input of a task.
        """
        runtime = self._names(package.declared.runtime)
        tasks = {task.group for task in package.member.tasks.values()}
        shared = [each for name, group in self.root.groups.items() if name in tasks for each in group]
        outside = self._names([*self.root.all, *package.declared.all]) - self.packages.keys()
        return runtime, runtime | outside | self._names([*shared, *package.declared.all])

    def _file(
        self, package: Package, file: str, reader: Reader, allowed: tuple[set[str], set[str]]
    ) -> Iterator[Finding]:
        runtime, development = allowed
        folder = file.rpartition("/")[0]
        said: set[str] = set()
        for each in reader.imports:
            shipped = file in package.layout.shipped and not each.typing
            top = each.name.partition(".")[0]
            targets = self._targets(each, development)
            if top in STANDARD or not targets.isdisjoint({package.name, *(runtime if shipped else development)}):
                continue
            # Python looks beside a script first.
            beside = f"{folder}/{top}.py" in self.checkout.snapshot.files
            if beside or (not shipped and top in package.local) or top in said:
                continue
            said.add(top)
            yield self._undeclared(package, file, each, targets, shipped=shipped)

    def _used(self, reader: Reader) -> set[str]:
        imported = {owner for each in reader.imports for owner in self._owner(each.name)[1]}
        # A permission "rbac.view" is no module of rbac, and "rbac.django.apps.RbacConfig" is in one.
        paths = [self._owner(text) for text in reader.strings]
        return imported.union(*(owners for module, owners in paths if "." in module))

    def _targets(self, wanted: Import, declared: Collection[str]) -> set[str]:
        """Return the members or distributions that an import may come from; none where nobody knows."""
        owners = self._owner(wanted.name)[1]
        if owners:
            return owners
        top = wanted.name.partition(".")[0]
        # An extra that is not installed here: mostly the distribution has the name of its module.
        return set(self.providers.get(top, {normalized(top)} & set(declared)))

    def _undeclared(self, package: Package, file: str, wanted: Import, targets: set[str], *, shipped: bool) -> Finding:
        top = wanted.name.partition(".")[0]
        if not targets:
            hint = f"declare what provides it in {package.pyproject} and run `uv sync`, or correct the name"
            return Finding(file, wanted.line, "unknown", f"imports {top}, which nothing installed provides: {hint}")
        name = " or ".join(f'"{each}"' for each in sorted(targets))
        if shipped:
            hint = f"add {name} to [project].dependencies of {package.pyproject}"
        elif targets <= self.packages.keys():
            hint = f"add {name} to [dependency-groups].dev of {package.pyproject}"
        else:
            hint = f"add {name} to a group of [dependency-groups] of pyproject.toml"
        return Finding(file, wanted.line, "undeclared", f"imports {top}, which is not declared: {hint}")

    def _unused(self, package: Package, used: Collection[str]) -> Iterator[Finding]:
        for each in dict.fromkeys(package.declared.all):
            if each.name in self.packages.keys() - {package.name, *used}:
                hint = f'remove "{each.text}" from {package.pyproject}'
                yield Finding(
                    package.pyproject,
                    self._line(package, each),
                    "unused",
                    f"declares {each.name}, which nothing here imports: {hint}",
                )

    def _cycles(self) -> Iterator[Finding]:
        """Yield one finding for each cycle, until what is left has none."""
        # Sorted, since graphlib follows their order: the same workspace has the same findings each time.
        edges = {
            name: sorted({each.name for each in package.declared.runtime} & self.packages.keys() - {name})
            for name, package in sorted(self.packages.items())
        }
        while True:
            try:
                TopologicalSorter(edges).prepare()
            except CycleError as error:
                # graphlib lists each before what depends on it.
                way = list(reversed(error.args[1]))
                smallest = min(range(len(way) - 1), key=way.__getitem__)
                way = [*way[smallest:-1], *way[: smallest + 1]]
                source, target = next(pairwise(way))
                package = self.packages[source]
                place = next(each for each in package.declared.runtime if each.name == target)
                hint = f'remove "{target}" from {package.pyproject}, or move what both need to a package below them'
                message = f"depends on itself ({' -> '.join(way)}): {hint}"
                yield Finding(package.pyproject, self._line(package, place), "cycle", message)
                edges[source].remove(target)
            else:
                return

    def _line(self, package: Package, wanted: Requirement) -> int:
        """Return the line of a pyproject.toml on which a dependency is declared."""
        lines = self.checkout.keys.inputs.read(package.pyproject).decode().splitlines()
        texts = f'"{wanted.text}"', f"'{wanted.text}'"
        return next((number for number, line in enumerate(lines, 1) if any(text in line for text in texts)), 1)


def _distribution(node: Node) -> str:
    return normalized(node.package.partition("==")[0])


def load(now: Checkout, providers: Mapping[str, frozenset[str]]) -> Imports:
    """Read what the packages of a workspace declare and hold."""
    inputs = now.keys.inputs
    packages = {normalized(name): _package(member, inputs) for name, member in now.workspace.members.items()}
    root = Declared.of(tomllib.loads(inputs.read("pyproject.toml").decode()))
    return Imports(checkout=now, packages=packages, root=root, providers=providers)


def _package(member: Member, inputs: Inputs) -> Package:
    file = "pyproject.toml" if member.path == "." else f"{member.path}/pyproject.toml"
    pyproject = tomllib.loads(inputs.read(file).decode())
    files = tuple(inputs.owned[member.name])
    return Package(
        member=member,
        name=normalized(member.name),
        pyproject=file,
        declared=Declared.of(pyproject),
        layout=modules.layout(member.path, files, pyproject),
        files=files,
    )
