"""The lock is the same whoever reads it: uv, or its text."""

import json
from pathlib import Path

import pytest
from workspaces import REGISTRY, TOP, Workspace, locked, workspace

from once import lock, metadata

LOCK = """\
version = 1
revision = 3
requires-python = ">=3.13"
resolution-markers = ["sys_platform == 'win32'", "sys_platform != 'win32'"]

[manifest]
members = ["app", "lib", "workspace"]
"""


def of_uv(root: Path) -> lock.Lock | None:
    return metadata.finish(metadata.start(str(root)), str(root))


def entry(name: str, version: str, rest: str = "") -> str:
    wheel = f'https://example.org/{name}-{version}-py3-none-any.whl", hash = "sha256:{version.replace(".", "") * 32}'
    return (
        f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n{REGISTRY}\nwheels = [{{ url = "{wheel}" }}]\n{rest}'
    )


@pytest.fixture
def forked(tmp_path: Path) -> Path:
    """Return a workspace with markers, extras, groups, and two versions of one package."""
    made = Workspace(tmp_path / "ws", tmp_path / "cache")
    made.write("pyproject.toml", TOP)
    for name in ("app", "lib"):
        made.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\n')
    edges = """dependencies = [
    { name = "lib", extra = ["fast"] },
    { name = "same", version = "1.0", REGISTRY, marker = "sys_platform == 'win32'" },
    { name = "same", version = "2.0", REGISTRY, marker = "sys_platform != 'win32'" },
]

[package.dev-dependencies]
dev = [{ name = "tool" }]
tests = [{ name = "tool", extra = ["more"] }, { name = "lib" }]
""".replace("REGISTRY", REGISTRY)
    optional = '\n[package.optional-dependencies]\nfast = [{ name = "plain" }]\n'
    more = '\n[package.optional-dependencies]\nmore = [{ name = "plain", marker = "python_full_version < \'3.14\'" }]\n'
    text = LOCK + locked("app", (), source='source = { editable = "packages/app" }', extra=edges)
    text += locked("lib", (), source='source = { editable = "packages/lib" }', extra=optional)
    text += entry("plain", "1.0") + entry("same", "1.0") + entry("same", "2.0") + entry("tool", "1.1", more)
    made.write("uv.lock", text + locked("workspace", (), source='source = { virtual = "." }'))
    return made.root


def test_of_a_lock_with_forks(forked: Path) -> None:
    read = lock.read((forked / "uv.lock").read_bytes())
    assert {str(node) for node in read.closure(read.roots("app", ["tests"]))} == {
        *("app", "app:tests", "lib", "lib[fast]", "plain", "same", "tool", "tool[more]"),
    }
    assert of_uv(forked) == read


def test_uv_is_asked_once_for_each_lock(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": ["django"], "app": ["base"]}, versions={"django": "6.1.2"})
    calls = tmp_path / "calls"
    uv = made.write("uv", f'#!/bin/sh\necho "$@" >> {calls}\nexec "{metadata._uv()}" "$@"\n')  # noqa: SLF001  # the one it finds
    uv.chmod(0o755)
    keys: dict[int, str] = {}
    for asked in (str(uv), str(uv), "/bin/false"):
        made.write("packages/app/src/m0.py", f"x = {len(keys)}\n")
        plan = json.loads(made.once("plan", "tests", "-p", "base", "--json", UV=asked).stdout)
        keys[len(keys)] = plan[0]["key"]
    assert calls.read_text().count("workspace metadata") == 1
    (made.cache / "state").rename(tmp_path / "gone")
    plan = json.loads(made.once("plan", "tests", "-p", "base", "--json", UV="/bin/false").stdout)
    assert {*keys.values(), plan[0]["key"]} == {keys[0]}
