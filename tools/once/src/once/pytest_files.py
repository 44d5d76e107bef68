"""Loaded with `-p once.pytest_files` where a job runs some of its test files: skips the others before their import."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from once.parts import VARIABLE, dealt

if TYPE_CHECKING:
    from collections.abc import Collection


class _Files:
    def __init__(self, about: dict[str, object]) -> None:
        self.root = Path(str(about["root"]))
        self.skip: Collection[str] = frozenset(_texts(about["skip"]))
        self.known: Collection[str] = frozenset(_texts(about["known"]))
        number, _, count = str(about["shard"]).partition("/")
        self.number, self.count = int(number), int(count)

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Skip a file that is not selected; one of which nothing is known goes to a part by its name."""
        if collection_path.suffix != ".py" or collection_path.name in {"conftest.py", "__init__.py"}:
            return None
        try:
            path = collection_path.relative_to(self.root).as_posix()
        except ValueError:
            return None
        if path in self.known:
            return True if path in self.skip else None
        return None if dealt(path, number=self.number, count=self.count) else True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A part without a test is no error: the others have them."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def pytest_configure(config: pytest.Config) -> None:
    """Select, where the job says what."""
    file = os.environ.get(VARIABLE)
    if file:
        config.pluginmanager.register(_Files(json.loads(Path(file).read_text(encoding="utf-8"))), "once-files")
