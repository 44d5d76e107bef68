"""Where the value of a setting comes from: the environment, a mounted file, or OpenBao (Vault speaks the same).

Each is asked anew whenever settings are loaded. A server's workers load them when they start, so replacing the workers
(SIGHUP) is how a secret that was changed is taken up without a restart.
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

_SHARED_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_PATIENCE_SECONDS: Final = 5


class SourceUnreadable(Exception):
    """A source was named and cannot be read; never holds a value. `hint` says what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


class SecretSource(Protocol):
    """Where values come from."""

    def read(self, variable: str) -> str | None:
        """Return the value of a variable such as INVENTORY_SECRET_KEY as it is now, or None where it isn't here.

        Raises:
            SourceUnreadable: It should be here, and cannot be read.
        """


@dataclass(frozen=True)
class Environment:
    """The variables of a process."""

    variables: Mapping[str, str]

    def read(self, variable: str) -> str | None:
        """Return the variable itself."""
        return self.variables.get(variable)


@dataclass(frozen=True)
class MountedFiles:
    """Files whose names are in the variables with _FILE at their end."""

    variables: Mapping[str, str]

    def read(self, variable: str) -> str | None:
        """Return what the file holds, without blanks around it."""
        name = self.variables.get(f"{variable}_FILE")
        if name is None:
            return None
        # Without the name: it may be the secret itself, given to the wrong variable.
        hint = f"Let it name a readable text file with the value of {variable}."
        try:
            file = Path(name)
            if file.stat().st_mode & _SHARED_WRITE:
                raise SourceUnreadable("names a file that others may write", f"Make it {variable}'s alone: chmod 0400.")
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceUnreadable(f"names a file that cannot be read ({type(error).__name__})", hint) from None


@dataclass(frozen=True)
class Vault:
    """One entry of a KV store, version 2, of OpenBao or Vault, entered by AppRole.

    `path` begins with the mount: secret/inventory. The entry's keys are the names of settings in lower case.
    """

    address: str
    path: str
    role_id: str
    secret_id: str = field(repr=False)
    prefix: str

    def read(self, variable: str) -> str | None:
        """Return the value under the setting's name."""
        value = self.entry.get(variable.removeprefix(self.prefix).lower())
        return None if value is None else str(value)

    @cached_property
    def entry(self) -> Mapping[str, Any]:
        """Return the whole entry, read once for each load."""
        try:
            import hvac  # type: ignore[import-untyped]  # noqa: PLC0415  # an optional extra, without types
            from hvac.exceptions import VaultError  # type: ignore[import-untyped]  # noqa: PLC0415  # as hvac
            from requests import RequestException  # noqa: PLC0415  (what hvac speaks HTTP with)
        except ImportError:
            raise SourceUnreadable("needs a client that is not installed", "Install configs[vault].") from None
        mount, _, path = self.path.partition("/")
        try:
            client = hvac.Client(url=self.address, timeout=_PATIENCE_SECONDS, allow_redirects=False)
            client.auth.approle.login(role_id=self.role_id, secret_id=self.secret_id)
            store = client.secrets.kv.v2
            answer = store.read_secret_version(path=path, mount_point=mount, raise_on_deleted_version=True)
        except (VaultError, RequestException) as error:
            hint = "Check the address, the path, and that the AppRole may read it."
            raise SourceUnreadable(f"could not be read ({type(error).__name__})", hint) from None
        found: Mapping[str, Any] = answer["data"]["data"]
        return found
