"""What changes affect, told by a shell script, which bin/once runs: git, stat and awk are started, and no Python.

Git compares whole seconds. So its word is taken for a file that is in its index as it was when the script was written,
for git was found to be right then, and any later change has a later second; what is newer in the index is read. Where
the script is silent, `answers` is asked.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

from once import answers, listing, memo, quick
from once.since import State
from once.untracked import is_settled, untracked

_SCRIPT = """\
# What changes since {commit} affect; bin/once asks it.
reply() {{
{conditions}
    {call}
}}
folders() {{
    stat -c '%s %.9Y %.9Z %i' -- "$@" {folders} | sha256sum "$script" - /dev/fd/3
}}
commit() {{
    git rev-parse --verify --quiet --end-of-options "$base^{{commit}}"
}}
again() {{ # all is as it was: git's index is, its files are those in it, and the folders have the same names
    [ ! .git/index -nt "$script" ] && [ -z "$tasks" ] || return 1
    list -m -d | {{
        commit
        folders .git/index
    }} 3<&0 | {{
        read -r rest && [ "$rest" = {commit} ] || exit 1
        read -r digest rest && [ "${{name#*-*-}}" = "$digest.sh" ] || exit 1
        read -r digest rest && [ "$digest" = {state} ] || exit 1
        read -r digest rest && [ "$digest" = {nothing} ] || exit 1
        case $form in text) printf %s {text} ;; json) printf %s {json} ;; esac
    }}
}}
changed() {{
    {{
        git diff-index --cached --raw --no-renames --relative --ignore-submodules=none {commit} -- &&
            (list -s -m -d --debug) && echo .
    }} | LC_ALL=C grep -a -B1 -E '^[^ H]|^  ctime: {recent}' | {{
        {{
            commit
            folders=$(folders 3</dev/null)
            echo "$folders"
            case $folders in *{digest}*) echo = ;; *) (list -o) ;; esac && echo .
        }} | LC_ALL=C awk -v script="$name" -v tasks="$tasks" -v form="$form" {program} "$script" /dev/fd/3 -
    }} 3<&0
}}
return 0
{data}"""


def write(root: str, record: Mapping[str, Any], state: State) -> None:
    """Replace the script that tells what changes since a revision affect.

    Args:
        root: The workspace's root.
        record: What there is to know of the revision, see `since.record`.
        state: What the work tree was like.

    Raises:
        OSError: The disk is full, or the folder may not be written.
    """
    text = b""
    with suppress(quick.Unsayable):
        text = os.fsencode(_script(root, record, state))
    quick.replace(root, "affected", text)


def _script(root: str, record: Mapping[str, Any], state: State) -> str:
    conditions, call, folders, said, rows = [], "changed", "/", "-", _data(record, state.seen)
    known, index = untracked(root, state.untracked), memo.stamp("", f"{root}/.git/index")
    if known is not None and is_settled([*known.stamps, index], state.seen):
        absent, folders, said = quick.looks(known.stamps)
        conditions = [f'[ "${{{name}-}}" = {quote(value)} ] || return 1' for name, value in known.variables.items()]
        conditions.append(absent)
        call = "again || changed" if state.is_clean else "changed"
        rows += [("other", path) for path in known.files]
        rows += [("added", path) for path in state.added]
        rows += [("gone", path) for path in state.gone]
    elif known is not None:  # it is written again when it can be said without `list -o`
        conditions = [f'[ "${{began%.*}}" -lt {int(_uptime()) + listing.SETTLED + 1} ] || return 1']
    said = f"{said.lstrip()}\n"
    return _SCRIPT.format(
        call=call,
        commit=record["commit"],
        conditions="\n".join(f"    {each}" for each in conditions or [":"]),
        recent=_from(int(state.seen) - listing.SETTLED + 1),
        folders=folders,
        digest=_digest(said),
        state=_digest(quick.looks([index])[2].lstrip() + f"\n{said}"),
        nothing=_digest(""),
        text=quote(answers.affected_text(state.rows, as_json=False)),
        json=quote(answers.affected_text(state.rows, as_json=True)),
        program=quote(Path(__file__).with_name("since.awk").read_text(encoding="utf-8")),
        data="".join(_lines(rows)),
    )


def _digest(text: str) -> str:
    return sha256(os.fsencode(text)).hexdigest()


def _uptime() -> float:
    """Return the seconds since the system started, as bin/once reads them."""
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


def _from(number: int) -> str:
    """Return a regular expression of all numbers, followed by a colon, that are no less than this one."""
    digits = str(number)
    greater = (
        f"{digits[:at]}[{int(digit) + 1}-9]{'[0-9]' * (len(digits) - at - 1)}"
        for at, digit in enumerate(digits)
        if digit < "9"
    )
    return f"({'|'.join([digits, *greater, '[0-9]' * (len(digits) + 1) + '+'])}):"


def _data(record: Mapping[str, Any], seen: float) -> list[tuple[str, ...]]:
    """Return what since.awk reads of a revision."""
    places = {name: path for path, name in record["owners"].items()}
    rows: list[tuple[str, ...]] = [("revision", record["commit"], str(int(record["is_default"])), str(int(seen)))]
    rows += [("member", name, places[name]) for name in sorted(places)]
    rows += [("named", begin, end) for begin, end in record["named"]]
    for job, upstream in record["jobs"]:
        if not quick.NAME.fullmatch(job[0]):
            raise quick.Unsayable(job)
        rows.append(("job", job[1], job[0], answers.affected_text([job], as_json=True)[1:-2], " ".join(upstream)))
    return rows


def _lines(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in rows:
        if any("\t" in each or "\n" in each for each in row):
            raise quick.Unsayable(row)
        yield "\t".join(("", *row)) + "\n"
