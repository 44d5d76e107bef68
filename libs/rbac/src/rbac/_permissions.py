"""The permissions that exist, each registered once by the domain that checks it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

_CODE = re.compile(r"[a-z_]+(\.[a-z_]+)+")


class MalformedPermission(ValueError):
    """A permission code is not words of a-z and _ joined by dots."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code!r} is no permission code; write one like 'ledger.post'.")
        self.code = code


class DuplicatePermission(ValueError):
    """A permission code was registered twice."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code!r} is registered already; import the constant that names it.")
        self.code = code


class UnknownPermission(LookupError):
    """A permission code was never registered; `nearest` is the likeliest one, if any is close."""

    def __init__(self, code: str, *, nearest: str | None) -> None:
        hint = f"did you mean {nearest!r}?" if nearest else "register it in its domain's permissions.py."
        super().__init__(f"No permission {code!r}; {hint}")
        self.code, self.nearest = code, nearest


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that a role can allow; `description` is for the people who compose roles."""

    code: str
    description: str


class Registry:
    """The permissions of one program, iterated in the order of their codes.

    >>> permissions = Registry()
    >>> permissions.register("ledger.post", "Post stock transactions.")
    'ledger.post'
    >>> permissions.get("ledger.pots")
    Traceback (most recent call last):
        ...
    rbac._permissions.UnknownPermission: No permission 'ledger.pots'; did you mean 'ledger.post'?
    """

    def __init__(self) -> None:
        self._permissions: dict[str, Permission] = {}

    def register(self, code: str, description: str) -> str:
        """Add a permission and return its code, so that a domain can name it with a constant.

        Raises:
            MalformedPermission: `code` is not at least two words joined by dots.
            DuplicatePermission: `code` is registered already.
        """
        if not _CODE.fullmatch(code):
            raise MalformedPermission(code)
        if code in self._permissions:
            raise DuplicatePermission(code)
        self._permissions[code] = Permission(code, description)
        return code

    def get(self, code: str) -> Permission:
        """Return the permission with this code.

        Raises:
            UnknownPermission: nothing registered it.
        """
        try:
            return self._permissions[code]
        except KeyError:
            nearest = next(iter(get_close_matches(code, self._permissions, n=1)), None)
            raise UnknownPermission(code, nearest=nearest) from None

    def __iter__(self) -> Iterator[Permission]:
        return iter(sorted(self._permissions.values(), key=lambda permission: permission.code))


registry = Registry()
"""The one that domains register with and that the checks at start-up consult."""
