"""What uv.lock says: the packages, what each depends on, and the closure that an environment resolves to.

Markers are not evaluated: a package that only another platform installs is in the closure, so that keys are the same
everywhere and a lock that changes a marker misses.
"""

import json
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple


class Node(NamedTuple):
    """A part of a locked package: itself (`section` ""), an extra ("[name]") or a dependency group (":name")."""

    package: str
    section: str = ""

    def __str__(self) -> str:
        """Return the name as in a requirement: `psycopg[binary]`."""
        return self.package.partition("==")[0] + self.section


class Part(NamedTuple):
    """What the lock says of a node: its version, a digest of source, artifacts and edges, and the edges."""

    version: str
    digest: str
    edges: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A lock: its nodes, and the folder of each package whose source is in the workspace, by package id."""

    nodes: Mapping[Node, Part]
    folders: Mapping[str, str]

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Return the package id of each member, by name."""
        return {package.partition("==")[0]: package for package in self.folders}

    @cached_property
    def sections(self) -> Mapping[str, tuple[Node, ...]]:
        """Return the nodes of each package."""
        found: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            found[node.package] = (*found.get(node.package, ()), node)
        return found

    def roots(self, name: str, groups: Iterable[str]) -> Iterator[Node]:
        """Yield the nodes of a member that its own environment has: itself, its extras, these groups."""
        wanted = {f":{group}" for group in groups}
        for node in self.sections.get(self.ids[name], ()):
            if not node.section.startswith(":") or node.section in wanted:
                yield node

    def closure(self, roots: Iterable[Node]) -> tuple[Node, ...]:
        """Return all nodes that can be reached, sorted."""
        found: set[Node] = set()
        todo = list(roots)
        while todo:
            node = todo.pop()
            if node not in found and node in self.nodes:
                found.add(node)
                todo += self.nodes[node].edges
        return tuple(sorted(found))


class UnreadableLock(Exception):
    """uv.lock is no lock."""


def read(text: bytes) -> Lock:
    """Read uv.lock.

    Raises:
        UnreadableLock: It is torn, has conflict markers, or is of an unknown version.
    """
    try:
        content = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableLock(f"uv.lock cannot be read ({error}): resolve it and run `uv lock`") from error
    if content.get("version") != 1:
        raise UnreadableLock(f"uv.lock has version {content.get('version')}, and once reads version 1")
    entries: list[dict[str, Any]] = content.get("package", [])
    by_name: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        by_name.setdefault(entry["name"], []).append(entry)
    several = {name for name, same in by_name.items() if len(same) > 1}
    nodes: dict[Node, Part] = {}
    folders = {}
    for entry in entries:
        package = _id(entry)
        source = entry.get("source", {})
        folder = source.get("editable") or source.get("virtual")
        if folder is not None and not folder.startswith(("..", "/")):
            folders[package] = folder
        nodes.update(_parts(package, entry, by_name, several))
    return Lock(nodes=nodes, folders=folders)


def _id(entry: Mapping[str, Any]) -> str:
    source = " ".join(f"{kind}+{place}" for kind, place in sorted(entry.get("source", {}).items()))
    return f"{entry['name']}=={entry.get('version', '')}@{source}"


def part(
    node: Node, version: str, hashes: Iterable[str], edges: Iterable[tuple[Node, str]], several: Collection[str]
) -> Part:
    """Return what the lock says of a node, with a digest that does not depend on who read the lock.

    Args:
        node: The node.
        version: Its version, "" where it has none.
        hashes: Those of its package's artifacts.
        edges: The nodes that it needs, each with the marker under which it does, "" for always.
        several: The names of which the lock has several packages: the name alone does not say which is needed.
    """
    kept = sorted(set(edges))
    # Of the others a new version is a change of their own line, and of no other.
    needs = [(each.package if _name(each) in several else _name(each), each.section, marker) for each, marker in kept]
    said = json.dumps([node.package, sorted(hashes), sorted(needs)])
    return Part(version, sha256(said.encode()).hexdigest(), tuple(dict.fromkeys(target for target, _ in kept)))


def _name(node: Node) -> str:
    return node.package.partition("==")[0]


def _parts(
    package: str, entry: Mapping[str, Any], by_name: Mapping[str, list[dict[str, Any]]], several: Collection[str]
) -> Iterator[tuple[Node, Part]]:
    artifacts = [*entry.get("wheels", ()), *([entry["sdist"]] if "sdist" in entry else [])]
    hashes = [artifact.get("hash") or str(sorted(artifact.items())) for artifact in artifacts]
    lists = {"": entry.get("dependencies", [])}
    lists |= {f"[{name}]": edges for name, edges in entry.get("optional-dependencies", {}).items()}
    lists |= {f":{name}": edges for name, edges in entry.get("dev-dependencies", {}).items()}
    for section, edges in lists.items():
        found = [(node, edge.get("marker", "")) for edge in edges for node in _targets(edge, by_name)]
        if section.startswith("["):
            found.append((Node(package), ""))
        node = Node(package, section)
        yield node, part(node, entry.get("version", ""), hashes, found, several)


def _targets(edge: Mapping[str, Any], by_name: Mapping[str, list[dict[str, Any]]]) -> Iterator[Node]:
    """Yield what an edge leads to; it names version and source only where the name alone is not enough.

    An extra leads to its package itself.
    """
    for entry in by_name.get(edge["name"], ()):
        if edge.get("version", entry.get("version")) == entry.get("version") and edge.get(
            "source", entry.get("source")
        ) == entry.get("source"):
            extras = [each for each in edge.get("extra", ()) if each in entry.get("optional-dependencies", {})]
            yield from (Node(_id(entry), f"[{extra}]") for extra in extras)
            if not extras:
                yield Node(_id(entry))
