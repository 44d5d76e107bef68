"""Load with `-p once.trace.pytest_plugin` in a traced job: says in the record which test file reads what, through what.

Does nothing in a job that is not traced. What it writes is for `once.trace.by_test_file`.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from once.trace.site import once_log

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

    from once.trace.site import once_recorder

# Code that passes a read on: it keeps nothing between test files that would hide the next read.
_TRANSPARENT_PACKAGES = ("_pytest", "pytest", "pluggy", "xdist", "execnet")
_OTHERS = "*"  # code from outside the root, which may keep what it read


class _Sections:
    """Divides the record of this process by test file."""

    def __init__(self, recorder: once_recorder.Recorder) -> None:
        self.recorder = recorder
        self.current = ""
        self.written: set[tuple[str, str]] = set()
        self.owners: dict[str, str | None] = {}
        paths = sysconfig.get_paths()
        packages = (Path(paths["purelib"], name) for name in _TRANSPARENT_PACKAGES)
        self.standard = f"{paths['stdlib']}/"
        self.installed = (f"{paths['purelib']}/", f"{paths['platlib']}/")
        self.transparent = (f"{Path(__file__).parent}/", *(f"{package}/" for package in packages))

    def begin(self, path: Path | None) -> None:
        """Begin the section of a test file, or go back to what all share."""
        name = self._relative(str(path)) or "" if path else ""
        if name != self.current:
            self.current = name
            self.written.clear()
            self.recorder.log.write(once_log.SECTION, name)

    def read(self, kind: str, path: str) -> None:
        """Write that the nearest code of the workspace, or of another package, reads a path."""
        edge = (self._owner(sys._getframe(1)), path)  # noqa: SLF001 - no other way to know the caller
        # Pytest itself lists folders in search of test files.
        if edge not in self.written and edge[0] + kind != once_log.FOLDER:
            self.written.add(edge)
            self.recorder.log.write(once_log.READER, once_log.WORDS.join(edge))

    def _owner(self, frame: FrameType | None) -> str:
        while frame is not None:
            code = frame.f_code
            if code.co_name == "import_module":
                return _OTHERS  # who asks next for the same name finds it imported, and reads nothing
            if code.co_filename not in self.owners:
                self.owners[code.co_filename] = self._classify(code.co_filename)
            owner = self.owners[code.co_filename]
            if owner is not None:
                return owner
            frame = frame.f_back
        return ""

    def _classify(self, file: str) -> str | None:
        """Return the path of code of the workspace, `_OTHERS` for other packages', None for what passes reads on."""
        if file.startswith(("<", *self.transparent)):
            return None
        if file.startswith(self.standard) and not file.startswith(self.installed):
            return None
        return self._relative(file) or _OTHERS

    def _relative(self, file: str) -> str | None:
        real = str(Path(file).resolve())
        inside = real.startswith(self.recorder.inside) and not real.startswith(self.recorder.without)
        return real.removeprefix(self.recorder.inside) if inside else None

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Begin with each file that is collected."""
        self.begin(collector.path if isinstance(collector, pytest.File) else None)

    def pytest_collection_finish(self) -> None:
        """End the last file's collection."""
        self.begin(None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin with each test, which may be of another file than the one before."""
        self.begin(item.path)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write where the modules are that may be imported by name."""
        self.begin(None)
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            path = self._relative(file) if isinstance(file, str) else None
            if path:
                self.recorder.log.write(once_log.MODULE, once_log.WORDS.join((name, path)))


def _start() -> _Sections | None:
    recorder: once_recorder.Recorder | None = getattr(sys.modules.get("once_recorder"), "active", None)
    if recorder is None:
        return None
    sections = _Sections(recorder)
    recorder.log.write(once_log.SECTION, "")
    recorder.listen(sections.read)
    return sections


_sections = _start()  # as this module is imported: the first conftests come before any hook


def pytest_configure(config: pytest.Config) -> None:
    """Divide the record, where there is one."""
    if _sections is not None:
        config.pluginmanager.register(_sections, "once-sections")
