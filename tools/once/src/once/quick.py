"""The memo as a shell script, which bin/once runs: where all is cached, git and stat are started, and no Python.

It answers where git's list, the stamps, the variables and the interpreter are what they were when it was written, which
is whenever a memo is; and only if all of the memo can be looked at in this way. Where it is silent, `answers` is asked.
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

from once import listing, memo

LARGEST = 1 << 20  # bytes of a script; a command line takes no more than twice that
NAME = re.compile(r"[\w-]+", re.ASCII)  # of a task; a shell takes it as it is
# Of a variable: lower case is the scripts' own, git's are taken away before they run, and shells set some themselves.
_VARIABLE = re.compile(
    r"(?!GIT_|(?:IFS|OPTIND|OPTARG|E?UID|PPID|PS[124]|(?:OLD)?PWD|HOST(?:NAME|TYPE)|(?:MACH|OS)TYPE|SHELL|SHLVL|TERM|PATH"
    r"|LINENO|RANDOM|SECONDS)$)[A-Z][A-Z0-9_]*"
)
_UNQUOTED = re.compile(r"[ !#-\[\]-~\0]*")  # what git writes of paths as it is
_RUN = """\
# What the last run of once in this checkout knew; bin/once asks it, and takes 0 for an answer.
reply() {{
    [ ! .git/index -nt "$script" ] && [ "$bin/python" -ef {python} ] || return 1
{surroundings}
    stamps= known=
    set --
    for task in $tasks; do
        case $task in
{tasks}
        *) return 1 ;;
        esac
    done
    list -z -s -m -d | sha256sum "$script" - | {{
        others=$(list -o)
        found=$(stat -c '%s %.9Y %.9Z %i' -- {paths} "$@")
        read -r digest rest && [ "${{name#*-*-}}" = "$digest.sh" ] || exit 1
        read -r tracked rest && [ "$tracked" = {tracked} ] || exit 1
        [ "$others" = {others} ] && [ "$found" = {stamps}"$stamps" ] || exit 1
        read -r now rest </proc/uptime
        time=$(((${{now%.*}}${{now#*.}} - ${{began%.*}}${{began#*.}} + 1) * 10))
        for each in $known; do
            echo "${{each%=*}}: ${{each#*=}} of ${{each#*=}} from cache in $time ms"
        done
    }}
}}
"""
_TASK = """\
        {task})
            {absent}
            set -- "$@" {paths}
            stamps=$stamps{stamps}
            known="$known {task}={count}"
            ;;"""


class Unsayable(Exception):
    """A key depends on something that the script cannot look at."""


def folder(root: str) -> Path:
    """Return where the script of a checkout is; bin/once knows it too."""
    return Path(f"{memo.cache_folder()}/quick{root}")


def write(root: str, known: Mapping[str, Any]) -> None:
    """Replace the script of a checkout by that of a memo; by none where the memo cannot be said as one.

    Raises:
        OSError: The disk is full, or the folder may not be written.
    """
    text = b""
    with suppress(Unsayable):
        text = os.fsencode(_script(root, known))
    replace(root, "run", text)


def replace(root: str, command: str, text: bytes) -> None:
    """Replace the script of a checkout for a command; by none where it has no text, or too long a one.

    Raises:
        OSError: See `write`.
    """
    into, name = folder(root), ""
    if 0 < len(text) < LARGEST:
        name = f"{command}-{memo.FORMAT}-{sha256(text).hexdigest()}.sh"
        into.mkdir(parents=True, exist_ok=True)
        beside = into / f".{os.getpid()}"
        try:
            beside.write_bytes(text)
            beside.replace(into / name)
        finally:
            beside.unlink(missing_ok=True)
    remove(root, command, but=name)


def remove(root: str, command: str, *, but: str = "") -> None:
    """Remove the scripts of a checkout for a command, but one of this name."""
    for file in folder(root).glob(f"{command}-*.sh"):
        if file.name != but:
            file.unlink(missing_ok=True)


def _script(root: str, known: Mapping[str, Any]) -> str:
    raw: bytes = known["raw"]
    start = 0
    while raw.startswith(b"? ", start):
        start = raw.index(b"\0", start) + 1
    absent, paths, stamps = looks(_stamps(root, known))
    return _RUN.format(
        tracked=sha256(raw[start:]).hexdigest(),
        others=quote(_untracked(raw[:start])),
        python=quote(os.path.realpath(sys.executable)),
        surroundings="\n".join(f"    {line}" for line in (*_variables(known), absent)),
        tasks="\n".join(_tasks(known)),
        paths=paths,
        stamps=quote(stamps.lstrip()),
    )


def _untracked(raw: bytes) -> str:
    """Return what git lists of untracked files as lines, where it quotes none of them."""
    text = raw.decode(errors="replace")
    if not _UNQUOTED.fullmatch(text):
        raise Unsayable(text)
    return text.replace("\0", "\n").rstrip("\n")


def _variables(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield a condition for each variable whose value is in a key."""
    for name, value in known["surroundings"][2]:
        if not _VARIABLE.fullmatch(name):
            raise Unsayable(name)
        if not value:
            yield f'[ -{"z" if value is None else "n"} "${{{name}+x}}" ] || return 1'
        yield f'[ "${{{name}-}}" = {quote(value or "")} ] || return 1'


def _stamps(root: str, known: Mapping[str, Any]) -> Iterator[memo.Stamp]:
    """Yield the stamps of what all keys depend on beside git's list."""
    contents, loose, _, interpreter = known["surroundings"]
    if "glibc" not in interpreter:  # elsewhere the kernel's version stands for the library's
        raise Unsayable(interpreter)
    here = listing.git_folder(root) or root
    index = memo.stamp("", f"{here}/index")
    if known["index"] != listing.index_state(here):
        raise Unsayable("git's index is not what it was")
    yield index
    # The platform, the interpreter, and what a memo means.
    with open("/proc/self/maps", encoding="utf-8") as maps:
        files = {line.split(maxsplit=5)[5].rstrip() for line in maps if "/" in line}
    libraries = {file for file in files if os.path.basename(file).startswith(("libc.", "libc-", "libpython"))}
    for file in (*sorted(libraries), os.path.realpath(sys.executable), os.path.realpath(memo.__file__)):
        yield memo.stamp("", file)
    for path, entry in (*contents, *loose):
        yield _settled(os.path.join(root, path), entry)


def _settled(file: str, entry: tuple[str, str] | None) -> memo.Stamp:
    """Return the stamp of a file whose content is in a key, by which each later change of it shows."""
    found = memo.stamp("", file)
    if os.path.realpath(file) != file or (entry is None) != (found[1] < 0):
        raise Unsayable(file)
    # The clock of a file system ticks slowly: what changed just now may change again at the same instant.
    settled = found[3] // 1_000_000_000 + listing.SETTLED < time.time()
    if entry is not None and not (settled and listing.entry(file, length=len(entry[1])) == entry):
        raise Unsayable(file)
    return found


def looks(stamps: Iterable[memo.Stamp]) -> tuple[str, str, str]:
    """Return a condition that nothing is where nothing was, the other paths, and what stat says of these."""
    absent, paths, lines = [], [], []
    for path, size, modified, changed, inode in stamps:
        word = quote(path if path.startswith("/") else f"./{path}")
        if size < 0:
            absent.append(word)
        else:
            paths.append(word)
            times = (f"{each // 1_000_000_000}.{each % 1_000_000_000:09}" for each in (modified, changed))
            lines.append(f"\n{size} {' '.join(times)} {inode}")
    loop = f'for each in {" ".join(absent)}; do [ -e "$each" ] || [ -L "$each" ] && return 1; done' if absent else ":"
    return loop, " ".join(paths), "".join(lines)


def _tasks(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is to be looked at and to be said for each task of which all is cached."""
    for task, jobs in known["jobs"].items():
        found = [known["done"].get(key) for _, key in jobs]
        if jobs and None not in found and NAME.fullmatch(task):
            absent, paths, stamps = looks(stamp for each in found for stamp in each)
            yield _TASK.format(task=task, count=len(jobs), absent=absent, paths=paths, stamps=quote(stamps))
