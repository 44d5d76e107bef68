"""Which environment variables are read by name: nothing but a mapping in between can tell, no audit event does."""
# ruff: noqa: SLF001 - the class of os.environ has no public name

from __future__ import annotations

import os

TYPE_CHECKING = False  # mypy knows the name; to import typing would cost more than the rest of the start
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import Any

    _Environ = os._Environ[Any]
else:
    _Environ = os._Environ


class _Spy:
    """Reports each name once, unless the job itself has set it."""

    def __init__(self, report: Callable[[str], None], settled: Collection[str]) -> None:
        self.report = report
        self.settled = set(settled)
        # The key objects that the latest iteration handed out: reading with one of them copies, and asks for no name.
        self.handed: dict[str | bytes, str | bytes] = {}

    def read(self, key: str | bytes) -> None:
        name = os.fsdecode(key)
        if name not in self.settled and self.handed.get(key) is not key:
            self.settled.add(name)
            self.report(name)


_spy: _Spy | None = None


class SpiedEnvironment(_Environ):
    """`os.environ` as ever, but it notes the names that are asked for."""

    def __getitem__(self, key: Any) -> Any:
        """Return the variable's value."""
        if _spy and isinstance(key, str | bytes):
            _spy.read(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set the variable, which from now on is the job's own."""
        super().__setitem__(key, value)
        if _spy:
            _spy.settled.add(os.fsdecode(key))

    def __delitem__(self, key: Any) -> None:
        """Remove the variable, which from now on is the job's own."""
        super().__delitem__(key)
        if _spy:
            _spy.settled.add(os.fsdecode(key))

    def __iter__(self) -> Iterator[Any]:
        """Yield the names, which is no read of any one."""
        for key in super().__iter__():
            if _spy:
                _spy.handed[key] = key
            yield key


def install(report: Callable[[str], None], settled: Collection[str]) -> None:
    """Call `report` with each name that is read from now on, once, except those in `settled`.

    The mappings keep their identity, so that `from os import environ` in another module is seen as well.
    """
    global _spy  # noqa: PLW0603 - a mapping's class is changed, so it has no place for state of its own
    _spy = _Spy(report, settled)
    os.environ.__class__ = SpiedEnvironment
    os.environb.__class__ = SpiedEnvironment
