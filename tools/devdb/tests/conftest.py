"""Clusters of the tests' own: every test has its state below its own folder, and none outlives it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from scenery import USER, User, Users, remove_clusters


@pytest.fixture(autouse=True)
def _no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DEVDB_BINARIES", "DEVDB_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def initialised_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("module") / "state"
    yield folder
    remove_clusters(folder)


@pytest.fixture
def initialised(initialised_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a cluster that the tests of a module start one after another, to save initdb's time."""
    monkeypatch.setenv("DEVDB_HOME", str(initialised_folder))
    return initialised_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "state"
    monkeypatch.setenv("DEVDB_HOME", str(folder))
    yield folder
    remove_clusters(folder)


@pytest.fixture
def users() -> Iterator[Users]:
    with ExitStack() as processes:

        def enter(profile: str = "test") -> User:
            process = subprocess.Popen(
                [sys.executable, "-c", USER, profile],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return User(process)

        yield enter
