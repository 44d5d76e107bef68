"""As whom PostgreSQL runs, since it refuses to run as root.

Root hands its processes to another user.  Permissions of folders that exist are never changed: what that
user can't reach is put where it can.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

_ORDINARY_USERS = ("postgres", "nobody")
_UNPRIVILEGED_ID = 65534


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user that PostgreSQL's processes run as.

    `uid` and `gid` own the files.  "self" runs as who calls, "switched" as another user, and "mapped" in a
    user namespace in which root looks like an ordinary user (for a root that may not become anyone else, as
    in rootless sandboxes).
    """

    kind: Literal["self", "switched", "mapped"]
    uid: int
    gid: int

    @classmethod
    def choose(cls) -> Self:
        """Return the account for a new cluster."""
        if os.geteuid() != 0:
            return cls.of(os.geteuid(), os.getegid())
        for name in _ORDINARY_USERS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            account = cls.of(entry.pw_uid, entry.pw_gid)
            if account.reaches(Path("/")):
                return account
        return cls.of(0, 0)

    @classmethod
    def of(cls, uid: int, gid: int) -> Self:
        """Return the account that runs what this user owns."""
        if os.geteuid() != 0:
            return cls(kind="self", uid=os.geteuid(), gid=os.getegid())
        return cls(kind="switched" if uid else "mapped", uid=uid, gid=gid)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program as this account; its output is captured.

        Raises:
            OSError: the program can't be reached or the account can't be taken on.
        """
        options: dict[str, Any] = {}
        match self.kind:
            case "self":
                pass
            case "switched":
                options = {"user": self.uid, "group": self.gid, "extra_groups": []}
            case "mapped":
                options = {"preexec_fn": _map_root_away}
        # The caller's PG* variables and language would change what the programs do and say.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=False, cwd="/", env=environment, **options
            )
        except subprocess.SubprocessError as exc:
            raise OSError(f"cannot run {command[0]} in a user namespace") from exc

    def reaches(self, folder: Path) -> bool:
        """Whether the account can enter a folder; asks the kernel, which knows ACLs and mounts."""
        try:
            return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]).returncode == 0
        except OSError:
            return False

    def make_folder(self, folder: Path) -> None:
        """Make an empty private folder of this account."""
        folder.mkdir(mode=0o700)
        if self.kind == "switched":
            os.chown(folder, self.uid, self.gid)


def _map_root_away() -> None:
    """Enter a user namespace in which this process is an ordinary user; runs between fork and exec."""
    uid = os.geteuid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/uid_map").write_text(f"{_UNPRIVILEGED_ID} {uid} 1", encoding="ascii")
