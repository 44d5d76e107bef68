"""The words are true: the tutorial runs, links lead somewhere, tables agree with the code."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.db import connections
from django.urls import get_resolver
from markdown_it import MarkdownIt
from markdown_it.token import Token

import configs
from apps.common.errors import DomainError
from tests.world import PASSWORD, World

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
LAST_CALL = 60  # seconds


def name(page: Path) -> str:
    """Return what a page is called in the repository."""
    return page.relative_to(ROOT).as_posix()


def tokens(page: Path) -> list[Token]:
    """Return the page as a reader's program sees it."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def fences(page: Path) -> list[Token]:
    """Return the code blocks."""
    return [token for token in tokens(page) if token.type == "fence"]


def links(page: Path) -> Iterator[str]:
    """Yield the addresses of links and pictures."""
    for token in tokens(page):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_to_files(page: Path) -> None:
    relative = [link.partition("#")[0] for link in links(page) if "://" not in link]
    assert [link for link in relative if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_is_under_test_or_marked_text(page: Path) -> None:
    allowed = {"text", "sh", "output"} if page in TUTORIALS else {"text"}
    assert {fence.info for fence in fences(page)} <= allowed


@pytest.mark.parametrize("page", TUTORIALS, ids=name)
def test_tutorial_prints_what_it_says(page: Path, committed_db: str, world: World, tmp_path: Path) -> None:
    assert "ada" in world.users
    connections.close_all()
    said = ""
    script = ["set -eu -o pipefail"]
    for fence in fences(page):
        if fence.info == "sh":
            script.append(fence.content)
        elif fence.info == "output":
            said += fence.content
    with served(committed_db, tmp_path) as base:
        script[:0] = [f"BASE={base} USERNAME=ada PASSWORD='{PASSWORD}'"]
        ran = subprocess.run(
            ["bash", "-c", "\n".join(script)], capture_output=True, text=True, timeout=LAST_CALL, check=False
        )
    assert (ran.stdout, ran.stderr, ran.returncode) == (said, "", 0)


@contextmanager
def served(database: str, folder: Path) -> Iterator[str]:
    """Serve a database on a free port with `inventory serve`, and yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    base, log = f"http://127.0.0.1:{port}", folder / "server.log"
    settings = ["INVENTORY_STAGE=test", f"INVENTORY_DATABASE_URL={database}", "INVENTORY_WORKERS=1"]
    command = ["env", *settings, sys.executable, "-m", "config.cli", "serve", "--port", str(port)]
    with log.open("wb") as sink:
        server = subprocess.Popen(command, cwd=ROOT / "services/inventory-backend", stdout=sink, stderr=sink)
    try:
        await_ready(f"{base}/readyz", server, log)
        yield base
    finally:
        server.terminate()
        server.wait(timeout=LAST_CALL)


def await_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers 200; fail with its log if it ends or takes too long."""
    deadline = time.monotonic() + LAST_CALL
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=5):  # noqa: S310  (our own address, http)
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The server is not ready:\n{log.read_text(errors='replace')}")


def first_cells(page: Path) -> set[str]:
    """Return the code in the first cell of each row of the page's tables."""
    return set(re.findall(r"^\| `([^`]+)`", page.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_configuration_lists_every_setting() -> None:
    settings = {f"INVENTORY_{name.upper()}" for name in configs.Settings.model_fields}
    assert first_cells(DOCS / "reference/configuration.md") == settings


def test_errors_lists_every_domain_error() -> None:
    assert get_resolver().url_patterns  # imports every view, and so every error that one can answer
    families, codes = [*DomainError.__subclasses__()], set()
    while families:
        family = families.pop()
        families += family.__subclasses__()
        if family.__module__.startswith("apps."):
            codes.add(family.code)
    assert codes - first_cells(DOCS / "reference/errors.md") == set()
