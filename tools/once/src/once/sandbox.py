"""Refuses a job every file that is not among its inputs: by the kernel (Landlock), or by running in a copy of them.

Landlock needs no root and no container, covers native programs and grandchildren, and answers with PermissionError.
It covers the content of files, not their existence: stat and the listing of folders stay possible, as `once.trace`
sees listings. Source of structures and numbers: Linux, include/uapi/linux/landlock.h; the system calls have the same
numbers on x86_64 and aarch64.

This file is also the program that restricts itself and becomes the command: see `wrap`.
"""
# ruff: noqa: PLC0415, PTH103, PTH105, PTH108, PTH112, PTH114, PTH115, PTH113, PTH118, PTH120, PTH123, PTH208, PTH211 - below

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False  # mypy knows the name; the program below starts for each command: no slow import
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _REFER, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 13, 1 << 14
_CHANGE_FOLDER = 0b1_1111_1111 << 4  # remove a folder, a file; make a device, folder, file, socket, pipe, link
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_REFER_SINCE, _TRUNCATE_SINCE = 2, 3
_ARGUMENTS_AT_MOST = 100_000  # bytes: Linux takes 128 KiB where the stack is at its smallest, environment included
_SYSTEM = (
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/opt",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
)
_COMPILED = "__pycache__"
_DENIED = rb"Permission denied: '([^']+)'|'?([^\s':]+)'?: Permission denied"


def available() -> int:
    """Return the version of Landlock's interface that this kernel offers, 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(version, 0)


def wrap(command: list[str], *, readable: Sequence[str], writable: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` with these files and folders only, absolute paths.

    A folder stands for all that is below it, what is writable is readable, and what does not exist is skipped. /dev is
    writable. Beside the inputs (see `fold`) a job needs `system`, and, to write, its outputs, its folder for temporary
    files and the record of its trace. Too many paths for a command line go into a file, which the program removes.
    """
    rules = [f"{len(readable)},{len(writable) + 1}", *readable, *writable, "/dev"]
    if sum(len(os.fsencode(rule)) + 1 for rule in rules) > _ARGUMENTS_AT_MOST:
        import tempfile

        descriptor, name = tempfile.mkstemp(prefix="once-sandbox-")
        with open(descriptor, "wb") as file:
            file.write(os.fsencode("\0".join(rules)))
        rules = [f"@{name}"]
    return [sys.executable, "-I", "-S", __file__, *rules, "--", *command]


def system(root: str) -> list[str]:
    """Return what any job needs to read beside its inputs: the system, Python, the environment, and the trace.

    A folder that holds the workspace at `root` is replaced by what is beside the way to it: Landlock cannot take away
    what it gave.
    """
    site = os.path.join(os.path.dirname(__file__), "trace", "site")
    wanted = [*_SYSTEM, sys.prefix, sys.base_prefix, site]
    return sorted({path for folder in wanted for path in _beside(os.path.realpath(folder), os.path.realpath(root))})


def _beside(folder: str, root: str) -> Iterator[str]:
    if root != folder and not root.startswith(f"{folder}/"):
        yield folder
    elif root != folder:
        for name in os.listdir(folder):
            yield from _beside(f"{folder}/{name}", root)


def fold(root: str, files: Collection[str]) -> list[str]:
    """Return the absolute paths of `files`, relative to `root`, with one folder for all files where it holds no other.

    Compiled modules may be read: Python checks each against its source, which then has to be readable too.
    """
    folders: dict[str, set[str]] = {}
    for file in files:
        path = file
        while path:
            folder, _, name = path.rpartition("/")
            names = folders.setdefault(folder, set())
            if name in names:
                break
            names.add(name)
            path = folder
    folded: list[str] = []
    if _fold(root, "", folders, folded):
        return [root]
    return sorted(folded)


def _fold(root: str, folder: str, folders: dict[str, set[str]], folded: list[str]) -> bool:
    """Tell whether all in the folder is wanted; else append what of it is."""
    here = f"{root}/{folder}".rstrip("/")
    declared = folders[folder]
    try:
        present = set(os.listdir(here))
    except OSError:
        return False
    whole = present <= declared | {_COMPILED}
    kept: list[str] = [f"{here}/{_COMPILED}"] if _COMPILED in present else []
    for name in declared:
        path = f"{folder}/{name}".lstrip("/")
        if path in folders:
            below: list[str] = []
            if _fold(root, path, folders, below):
                kept.append(f"{here}/{name}")
            else:
                whole = False
                kept += below
        else:
            kept.append(f"{here}/{name}")
    if not whole:
        folded += kept
    return whole


def denied(log: bytes, root: str, *, folder: str = ".") -> list[str]:
    """Return the paths within `root`, relative to it, that a job's output says it was refused.

    A hint only: Python and the common tools name the file before or after `Permission denied`, others may not. A
    relative name is one from the root, or where that is no file from `folder`, in which the job may have worked.
    """
    import re

    names = {os.fsdecode(left or right) for left, right in re.findall(_DENIED, log)}
    both = ([os.path.normpath(os.path.join(root, base, name)) for base in (".", folder)] for name in names)
    absolute = {second if os.path.isfile(second) and not os.path.isfile(first) else first for first, second in both}
    return sorted(path.removeprefix(f"{root}/") for path in absolute if path.startswith(f"{root}/"))


def copy_inputs(root: str, files: Iterable[str], scratch: str) -> None:
    """Copy a job's inputs, relative to `root`, into the empty folder `scratch`: to run there without Landlock.

    Real copies with mode and time, for a job may write to them. Absolute links into the root lead into the copy.
    Reads by absolute path are not refused, such as those of packages that are installed as editable.
    """
    import shutil

    for file in files:
        source, target = f"{root}/{file}", f"{scratch}/{file}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(source) and os.readlink(source).startswith(f"{root}/"):
            os.symlink(scratch + os.readlink(source).removeprefix(root), target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def copy_outputs(scratch: str, files: Iterable[str], root: str) -> None:
    """Copy what a job left at `files`, relative to `scratch`, back into the workspace, each in one step."""
    import shutil

    for file in files:
        target = f"{root}/{file}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{target}.once-{os.getpid()}"
        shutil.copy2(f"{scratch}/{file}", temporary, follow_symlinks=False)
        os.replace(temporary, target)


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict(*, readable: Sequence[str], writable: Sequence[str]) -> None:
    """Restrict this process and all that it will start, for good.

    Raises:
        OSError: When the kernel refuses, as one without Landlock does.
    """
    version, libc = available(), _libc()
    handled = _EXECUTE | _WRITE_FILE | _READ_FILE | _CHANGE_FOLDER
    handled |= _REFER if version >= _REFER_SINCE else 0
    handled |= _TRUNCATE if version >= _TRUNCATE_SINCE else 0
    attributes = _RulesetAttributes(handled)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(8), ctypes.c_uint32(0)))
    rule = _PathBeneath()
    address = ctypes.byref(rule)
    for path, rights in [(path, _READ_FILE | _EXECUTE) for path in readable] + [(path, handled) for path in writable]:
        try:
            rule.parent_fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue
        rule.allowed_access = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, address, ctypes.c_uint32(0)))
        os.close(rule.parent_fd)
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))
    os.close(ruleset)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        import errno

        number = ctypes.get_errno()
        reason = "this kernel has no Landlock" if number in {errno.ENOSYS, errno.EOPNOTSUPP} else os.strerror(number)
        raise OSError(number, f"cannot restrict the job to its inputs: {reason}")
    return result


def _find(program: str) -> str:
    # Not os.execvp: it imports a module, which may be out of reach by then.
    folders = [] if "/" in program else os.environ.get("PATH", os.defpath).split(":")
    found = (path for folder in folders if os.access(path := f"{folder}/{program}", os.X_OK) and os.path.isfile(path))
    return next(found, program)


def _main(rules: list[str]) -> None:
    if rules[0].startswith("@"):
        name = rules[0][1:]
        with open(name, "rb") as file:
            rules[:1] = os.fsdecode(file.read()).split("\0")
        os.unlink(name)
    readable, writable = map(int, rules.pop(0).split(","))
    command = rules[readable + writable + 1 :]
    try:
        program = _find(command[0])
        restrict(readable=rules[:readable], writable=rules[readable : readable + writable])
        os.execv(program, command)  # noqa: S606  # a list of words wants no shell  # nosec B606
    except OSError as error:
        sys.stderr.write(f"once: {command[0]}: {error}\n")
        sys.exit(126)


if __name__ == "__main__":
    _main(sys.argv[1:])
