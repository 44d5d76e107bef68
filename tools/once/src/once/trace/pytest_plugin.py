"""Load with `-p once.trace.pytest_plugin` in a traced job: says in the record which test file reads what, through what.

Does nothing in a job that is not traced. What it writes is for `once.trace.by_test_file`.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from once.trace.site import once_log

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import CodeType, FrameType

    from once.trace.site import once_recorder

# Code that passes a read on: it keeps nothing between test files that would hide the next read.
_TRANSPARENT_PACKAGES = ("_pytest", "pytest", "pluggy", "xdist", "execnet")
_OTHERS = "*"  # code from outside the root, which may keep what it read
_TOOL = 4  # of sys.monitoring: one that it names for nobody
_TEMPLATES = "."  # Django's template loaders keep it too, but each use is seen: see `_watch_templates`


class _Sections:
    """Divides the record of this process by test file."""

    def __init__(self, recorder: once_recorder.Recorder) -> None:
        self.recorder = recorder
        self.current = ""
        self.written: set[tuple[str, str]] = set()
        self.owners: dict[str, str | None] = {}
        paths = sysconfig.get_paths()
        packages = (Path(paths["purelib"], name) for name in _TRANSPARENT_PACKAGES)
        self.loaders = f"{paths['purelib']}/django/template/loaders/"
        main = getattr(sys.modules["__main__"], "__file__", None)  # what starts pytest keeps nothing either
        self.main = main if isinstance(main, str) else ""
        self.watched = False
        self.used = False
        self.watches = self._watch_packages()
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
            self.used = False
            if self.watches:
                sys.monitoring.restart_events()
            else:
                self._use()

    def read(self, kind: str, path: str) -> None:
        """Write that the nearest code of the workspace, or of another package, reads a path."""
        edge = (self._owner(sys._getframe(1)), path)  # noqa: SLF001 - no other way to know the caller
        # Pytest itself lists folders in search of test files.
        if edge[0] + kind != once_log.FOLDER:
            self._write(edge)

    def _write(self, edge: tuple[str, str]) -> None:
        if edge not in self.written:
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
        if file == self.main or file.startswith(("<", *self.transparent)):
            return None
        if file.startswith(self.loaders):
            return _TEMPLATES
        if file.startswith(self.standard) and not file.startswith(self.installed):
            return None
        return self._relative(file) or _OTHERS

    def _relative(self, file: str) -> str | None:
        real = str(Path(file).resolve())
        inside = real.startswith(self.recorder.inside) and not real.startswith(self.recorder.without)
        return real.removeprefix(self.recorder.inside) if inside else None

    def _watch_packages(self) -> bool:
        """Note when a test file first runs code of other packages: what these keep may then count for it."""
        monitoring = sys.monitoring
        if monitoring.get_tool(_TOOL) is not None:
            return False
        monitoring.use_tool_id(_TOOL, "once")

        def started(code: CodeType, _offset: int) -> object:
            if not self.used and self.current:
                if code.co_filename not in self.owners:
                    self.owners[code.co_filename] = self._classify(code.co_filename)
                if self.owners[code.co_filename] in {_OTHERS, _TEMPLATES}:
                    self._use()
            return monitoring.DISABLE

        monitoring.register_callback(_TOOL, monitoring.events.PY_START, started)
        monitoring.set_events(_TOOL, monitoring.events.PY_START)
        return True

    def _use(self) -> None:
        self.used = True
        self.recorder.log.write(once_log.USED, "")

    def _watch_templates(self) -> None:
        """Note a template of Django at each use: it is read once, and then kept for all."""
        module, tags = (sys.modules.get(f"django.template.{name}") for name in ("base", "loader_tags"))
        if self.watched or module is None or tags is None:
            return
        self.watched = True
        render, parent = module.Template.render, tags.ExtendsNode.get_parent

        def rendered(template: Any, context: Any) -> Any:
            self._use_template(template)
            return render(template, context)

        def extended(node: Any, context: Any) -> Any:
            template = parent(node, context)
            self._use_template(template)
            return template

        module.Template.render, tags.ExtendsNode.get_parent = rendered, extended

    def _use_template(self, template: Any) -> None:
        """Write that a template is used, and where its loaders looked for it in vain before."""
        origin = template.origin
        name = origin.template_name
        loaders = template.engine.template_loaders if name else ()
        for source in (each for loader in loaders for each in loader.get_template_sources(name)):
            path = self._relative(source.name)
            found = source.name == origin.name
            if path:
                self.recorder.note(once_log.READ if found else once_log.ABSENT, path)
                self._write((_TEMPLATES, path))
            if found:
                return

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
        self._watch_templates()
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
