"""`once graph`: the packages and what they depend on, as text, JSON, Mermaid or SVG."""

import argparse
import json
from collections.abc import Mapping, Sequence
from html import escape  # SVG is markup as well

from once.checkout import checkout
from once.workspace import Workspace

WIDTH, HEIGHT, GAP = 180, 28, 40  # of a box and between columns, in pixels


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("--format", choices=("text", "json", "mermaid", "svg"), default="text")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print the graph."""
    edges = direct(checkout(root).workspace)
    if chosen.format == "json":
        print(json.dumps(edges, indent=2))
    elif chosen.format == "mermaid":
        print(
            "graph LR",
            *(f"    {name} --> {each}" for name, targets in edges.items() for each in targets or ()),
            sep="\n",
        )
        print(*(f"    {name}" for name, targets in edges.items() if not targets), sep="\n")
    elif chosen.format == "svg":
        print(svg(edges))
    else:
        for name, targets in edges.items():
            print(f"{name} -> {', '.join(targets)}" if targets else name)
    return 0


def direct(workspace: Workspace) -> dict[str, list[str]]:
    """Return the members that each member depends on, by any of its extras and groups too."""
    edges = {}
    for name in sorted(workspace.members):
        nodes = workspace.lock.sections.get(workspace.lock.ids[name], ())
        targets = {edge.package for node in nodes for edge in workspace.lock.nodes[node].edges}
        edges[name] = sorted(
            {workspace.by_package[each].name for each in targets if each in workspace.by_package} - {name}
        )
    return edges


def levels(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the length of the longest way from each member down to one that depends on none; a cycle counts once."""
    found: dict[str, int] = {}

    def level(name: str, above: tuple[str, ...]) -> int:
        if name not in found:
            below = [level(each, (*above, name)) for each in edges[name] if each not in above and each != name]
            found[name] = 1 + max(below, default=-1)
        return found[name]

    for name in edges:
        level(name, ())
    return found


def svg(edges: Mapping[str, Sequence[str]]) -> str:
    """Return the graph as a picture: one column for each level, the foundations on the left."""
    columns: dict[int, list[str]] = {}
    for name, level in sorted(levels(edges).items()):
        columns.setdefault(level, []).append(name)
    at = {
        name: (GAP + level * (WIDTH + GAP), GAP + row * 2 * HEIGHT)
        for level, names in columns.items()
        for row, name in enumerate(names)
    }
    wide = max((x for x, _ in at.values()), default=0) + WIDTH + GAP
    high = max((y for _, y in at.values()), default=0) + HEIGHT + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">'
    ]
    for name, targets in edges.items():
        x, y = at[name]
        for each in targets:
            start, end = f"{x} {y + HEIGHT // 2}", f"{at[each][0] + WIDTH} {at[each][1] + HEIGHT // 2}"
            lines.append(f'<path d="M{start} L{end}" stroke="#888"/>')
    for name, (x, y) in at.items():
        lines.append(f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="#eef" stroke="#446"/>')
        lines.append(f'<text x="{x + WIDTH // 2}" y="{y + HEIGHT // 2 + 4}" text-anchor="middle">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>"])
