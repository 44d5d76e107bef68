"""What this process reads, seen through Python's audit events. Only what has one is seen: a stat has none."""
# ruff: noqa: PTH109, PTH110, PTH115, PTH120 - pathlib would cost every traced process more than all of this

from __future__ import annotations

import atexit
import os
import sys
from _thread import get_ident

TYPE_CHECKING = False  # mypy knows the name; to import typing would cost more than the rest of the start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from once.trace.site import once_environ, once_log
    from once.trace.site.once_paths import Paths, source
else:
    import once_environ
    import once_log
    from once_paths import Paths, source

_SEEN_AT_MOST = 100_000  # a job may open any number of temporary files
_LOOPBACK = ("127.", "::1", "::ffff:127.", "localhost", "0.0.0.0")  # noqa: S104  # compared with, never bound to  # nosec B104
_READS = {once_log.READ, once_log.ABSENT, once_log.FOLDER}
_FOLDER, _FILE = 0o040000, 0o100000
_SEARCHES = {"<frozen importlib._bootstrap_external>", f"{os.path.dirname(os.__file__)}/importlib/metadata/__init__.py"}


active: Recorder | None = None  # this process's, once started


class Recorder:
    """Sorts audit events into entries of the record."""

    def __init__(self, log: once_log.Log, root: str) -> None:
        self.log, self.paths, self.root = log, Paths(), root
        self.inside = "/" if root == "/" else f"{root}/"
        # The environment's content is in the key by its lock; the record is ours.
        prefixes = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, log.folder)}
        self.without = tuple(f"{prefix}/" for prefix in prefixes)
        self.seen: set[Any] = set()
        self.reader: Callable[[str, str], None] | None = None  # told of every read, where one listens
        self.dir_fds: dict[int, int] = {}  # by thread, for the next `open` event
        self.noted: set[tuple[str, str]] = set()

    def note(self, kind: str, text: str) -> None:
        """Write an entry, once."""
        if (kind, text) not in self.noted:
            self.noted.add((kind, text))
            self.log.write(kind, text)

    def note_path(self, kind: str, real: str) -> None:
        """Write an entry about a path inside the root."""
        path = real[len(self.inside) :] or "."
        self.note(kind, path)
        if self.reader and kind in _READS:
            self.reader(kind, path)

    def listen(self, reader: Callable[[str, str], None]) -> None:
        """Tell `reader` the kind and path of every read from now on, the repeated ones too."""
        self.reader = reader
        self.seen.clear()

    def locate(self, path: Any, dir_fd: int = -1, *, follow: bool = True) -> str | None:
        """Return the real path of what a call names, None when it is not in the root. Notes links on the way."""
        try:
            name = _absolute(path, dir_fd)
            os.fsencode(name)
        except (OSError, TypeError, ValueError):
            return None  # the call itself fails as well
        if "\0" in name or name.startswith(("/proc/", "/dev/", "/sys/")):
            return None
        real, links = self.paths.resolve(name) if follow else self.paths.resolve_parent(name)
        for link in links:
            if self._within(link):
                self.note_path(once_log.READ, link)
        return real if self._within(real) else None

    def _within(self, real: str) -> bool:
        inside = real == self.root or real.startswith(self.inside)
        return inside and not f"{real}/".startswith(self.without)

    def opened(self, path: Any, _mode: Any, flags: int) -> None:
        """Note what the opening of a file says about the inputs."""
        if len(self.seen) > _SEEN_AT_MOST:
            self.seen.clear()
        dir_fd = self.dir_fds.pop(get_ident(), -1)
        named = source(path) if isinstance(path, str) and not flags & os.O_ACCMODE else path
        real = self.locate(named, dir_fd)
        kind = _kind(real, flags) if real else ""
        if real and kind and "/__pycache__/" not in real:
            self.note_path(kind, real)
        # What is absent may yet be made, and what is appended to may yet be read.
        if (
            dir_fd < 0
            and (real is None or not self.reader)
            and (real is None or kind in {once_log.READ, once_log.MADE})
        ):
            self.seen.add(path)

    def listed(self, path: Any = None) -> None:
        """Note a folder whose names are read, by the job or in Python's search for a module."""
        if real := self.locate(path):
            caller = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - no other way to know the caller
            self.note_path(once_log.SEARCHED if caller in _SEARCHES else once_log.FOLDER, real)

    def made(self, path: Any, *rest: Any) -> None:
        """Note that the job makes what is at a path: mkdir, or the new name of a link. The folder's number is last."""
        real = self.locate(path, rest[-1], follow=False)
        # An attempt may fail: the reader of the record looks whether the file is younger than the job.
        if real and "/__pycache__/" not in real and _type(real) != _FOLDER:
            self.note_path(once_log.MADE, real)

    def renamed(self, old: Any, new: Any, old_fd: int = -1, new_fd: int = -1) -> None:
        """Note that the content of one path becomes that of another: rename, link."""
        self.loaded(old, old_fd)
        self.linked(old, new, new_fd)

    def linked(self, _target: Any, new: Any, dir_fd: int = -1) -> None:
        """Note a new name, of which other paths may now lead elsewhere."""
        self.paths.folders.clear()
        self.made(new, dir_fd)

    def loaded(self, path: Any, dir_fd: int = -1, *, follow: bool = False) -> None:
        """Note a file, or all of a folder, that is read without an `open` event."""
        if (real := self.locate(path, dir_fd, follow=follow)) and "/__pycache__/" not in real and (kind := _type(real)):
            self.note_path(once_log.FOLDER if kind == _FOLDER else once_log.READ, real)

    def imported(self, _name: str, file: str | None, *_: Any) -> None:
        """Note an extension module: the dynamic linker opens it."""
        if file:
            self.loaded(file, follow=True)

    def linked_library(self, name: Any) -> None:
        """Note a shared library that ctypes loads by its path."""
        if isinstance(name, str) and "/" in name:
            self.loaded(name, follow=True)

    def connected_database(self, name: Any) -> None:
        """Note a database of sqlite3, which opens its file itself."""
        text = os.fsdecode(name)
        if text not in {"", ":memory:"}:
            self.opened(text.removeprefix("file:").partition("?")[0], None, os.O_RDWR | os.O_CREAT)

    def connected(self, _socket: Any, address: Any) -> None:
        """Note a host other than this one."""
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            self.note(once_log.HOST, str(address[0]))

    def started(self, program: Any, arguments: Any, *_: Any) -> None:
        """Note a program. Whether it was traced is known later: a Python process notes its own start."""
        # os.execvp tries each folder of PATH, and subprocess may itself call posix_spawn.
        caller = sys._getframe(2).f_code.co_name  # noqa: SLF001 - as above
        name = os.fsdecode(program)
        if caller != "_posix_spawn" and ("/" not in name or os.path.exists(name)):
            words = [arguments] if isinstance(arguments, str | bytes) else list(arguments)
            # Not only once: each start needs its trace.
            self.log.write(once_log.PROGRAM, once_log.WORDS.join([name, *map(os.fsdecode, words)]))

    def moved(self, *_: Any) -> None:
        """Forget relative paths: the current folder changes."""
        self.seen.clear()

    def begin(self) -> None:
        """Write this process's numbers and command line."""
        words = [str(os.getpid()), str(os.getppid()), *sys.orig_argv]
        self.log.write(once_log.PROCESS, once_log.WORDS.join(words))

    def forked(self) -> None:
        """Go on in a file of the child's own."""
        self.log.open()
        self.log.write(once_log.PROCESS, once_log.WORDS.join([str(os.getpid()), str(os.getppid())]))


class _OpenBeside:
    """`os.open`, whose audit event lacks `dir_fd`. No function: as a class's attribute it must not bind."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.plain = recorder, os.open
        self.__name__, self.__doc__ = "open", os.open.__doc__

    def __call__(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None:
            self.recorder.dir_fds[get_ident()] = dir_fd
        return self.plain(path, flags, mode, dir_fd=dir_fd)


def _absolute(path: Any, dir_fd: int) -> str:
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    name = os.fsdecode("." if path is None else path)
    if name.startswith("/"):
        return name
    return f"{os.getcwd() if dir_fd < 0 else os.readlink(f'/proc/self/fd/{dir_fd}')}/{name}"


def _type(real: str) -> int:
    """Return whether this is a folder, a file or something else, 0 when nothing is there."""
    try:
        return os.lstat(real).st_mode & 0o170000
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError:
        return _FILE  # not for us to look at, so possibly one


def _kind(real: str, flags: int) -> str:
    kind = _type(real)
    if not kind:
        return once_log.MADE if flags & os.O_CREAT else once_log.ABSENT
    if kind != _FILE:
        return ""
    access = flags & os.O_ACCMODE
    if access != os.O_RDONLY and flags & os.O_TRUNC:
        return once_log.MADE
    return "" if access == os.O_WRONLY and not flags & os.O_EXCL else once_log.READ


def _handlers(recorder: Recorder) -> dict[str, Callable[..., None]]:
    return {
        "cpython.run_file": lambda path: recorder.loaded(path, follow=True),
        "ctypes.dlopen": recorder.linked_library,
        "import": recorder.imported,
        "os.chdir": recorder.moved,
        "os.exec": recorder.started,
        "os.link": recorder.renamed,
        "os.listdir": recorder.listed,
        "os.mkdir": recorder.made,
        "os.posix_spawn": recorder.started,
        "os.rename": recorder.renamed,
        "os.scandir": recorder.listed,
        "os.symlink": recorder.linked,
        "os.system": lambda command: recorder.log.write(
            once_log.PROGRAM, once_log.WORDS.join(["/bin/sh", "sh", "-c", os.fsdecode(command)])
        ),
        "socket.connect": recorder.connected,
        "socket.sendmsg": recorder.connected,
        "socket.sendto": recorder.connected,
        "sqlite3.connect": recorder.connected_database,
        "subprocess.Popen": recorder.started,
    }


def start(folder: str) -> None:
    """Record this process and its forks in `folder`.

    Raises:
        OSError: When the record cannot be read or written.
    """
    job = once_log.read_job(folder)
    log = once_log.Log(folder)
    log.open()
    global active  # noqa: PLW0603 - a process has one record
    active = recorder = Recorder(log, job.root)
    recorder.begin()
    own = [name for name in os.environ if name not in job.given]
    once_environ.install(lambda name: recorder.note(once_log.VARIABLE, name), {*job.known, *own})
    os.open = _OpenBeside(recorder)
    os.supports_dir_fd.add(os.open)
    os.register_at_fork(after_in_child=recorder.forked)
    atexit.register(log.close)  # registered first, so called last
    seen, dir_fds, handlers, opened = recorder.seen, recorder.dir_fds, _handlers(recorder), recorder.opened

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if (arguments[0] not in seen or dir_fds) and not log.closed:
                opened(*arguments)
        elif event in handlers and not log.closed:
            handlers[event](*arguments)

    sys.addaudithook(hook)
