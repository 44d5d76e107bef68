"""The command `devdb`: the same clusters as the library's, by hand."""

import argparse
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from devdb import _lifecycle
from devdb._binaries import Binaries
from devdb._cluster import Cluster, clusters, home
from devdb._server import PROFILES, Server, find_cluster, join, server
from devdb._unavailable import DevdbUnavailable

_EXAMPLES = """\
examples:
  devdb start                    start this checkout's PostgreSQL and leave it running
  devdb status --json            what runs, where, and who uses it
  devdb psql -d inventory        a shell on one of its databases
  psql "$(devdb url inventory)"  the same with another client
  devdb stop                     stop it
  devdb destroy --profile test --yes
                                 remove the cluster of the tests with all its databases

exit codes: 0 done, 1 failed, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if given and not given[0].startswith("-") and given[0] not in _COMMANDS:
        near = difflib.get_close_matches(given[0], _COMMANDS, n=1)
        parser.error(f"no command {given[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    options = parser.parse_args(given)
    try:
        return _COMMANDS[options.command](options)
    except DevdbUnavailable as exc:
        print(f"devdb: {exc}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devdb",
        description="A real PostgreSQL for this checkout, with no set-up.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, *, does: str, profile: str | None = "dev") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        which = f"which cluster (default: {profile or 'all'})"
        added.add_argument("--profile", choices=PROFILES, default=profile, help=which)
        added.add_argument("--json", action="store_true", help="print JSON")
        return added

    command("start", does="start it and leave it running")
    command("stop", does="stop it once nothing uses it")
    command("status", does="say what runs", profile=None)
    url = command("url", does="print its URL, if it runs")
    url.add_argument("database", nargs="?", help="a database (default: the maintenance database)")
    psql = command("psql", does="open psql, with the server started if need be")
    psql.add_argument("-d", "--database", help="a database (default: the maintenance database)")
    psql.add_argument("arguments", nargs="*", metavar="-- ARGUMENT", help="more arguments for psql")
    destroy = command("destroy", does="remove it with all its databases")
    destroy.add_argument("--yes", action="store_true", help="do it, do not only say what would go")
    return parser


def _start(options: argparse.Namespace) -> int:
    if os.environ.get("DATABASE_URL"):
        raise DevdbUnavailable("DATABASE_URL is set, so there is nothing to start: unset it first.")
    cluster, binaries = find_cluster(options.profile)
    with cluster.changing():
        found = join(cluster, binaries, profile=options.profile)
        cluster.keep_mark.touch()
    stop = f"devdb stop --profile {options.profile}"
    _print(
        options,
        {"url": found.url(), "version": found.version, "stop": stop},
        f"PostgreSQL {_dotted(found.version)} runs at {found.url()}\nIt runs on until `{stop}`.",
    )
    return 0


def _stop(options: argparse.Namespace) -> int:
    stopped, still_used = [], []
    for cluster, _ in clusters(home(), options.profile):
        with cluster.changing():
            cluster.keep_mark.unlink(missing_ok=True)
            if cluster.is_used():
                still_used.append(cluster)
            elif _lifecycle.stop(cluster):
                stopped.append(cluster)
    lines = [f"Stopped {cluster.state}." for cluster in stopped]
    lines += [f"{_in_use(cluster)} It stops when the last of them ends." for cluster in still_used]
    facts = {"stopped": [str(c.state) for c in stopped], "in_use": [str(c.state) for c in still_used]}
    _print(options, facts, "\n".join(lines) or "Nothing runs.")
    return 1 if still_used else 0


def _status(options: argparse.Namespace) -> int:
    profiles = [options.profile] if options.profile else PROFILES
    found = [_facts(*pair) for profile in profiles for pair in clusters(home(), profile)]
    if given := os.environ.get("DATABASE_URL"):
        masked = re.sub(r"(//[^:@/]*):[^@]*@", r"\1:***@", given)
        with server() as asked:
            found.insert(0, {"profile": None, "running": True, "source": "environment", "url": masked})
            found[0]["version"] = asked.version
    lines = [_line(facts) for facts in found]
    _print(options, {"clusters": found}, "\n".join(lines) or "This checkout has no cluster yet: devdb start")
    return 0


def _facts(cluster: Cluster, binaries: Binaries) -> dict[str, Any]:
    with cluster.changing():
        version = cluster.answers()
        return {
            "profile": cluster.profile,
            "running": version is not None,
            "source": binaries.supplier,
            "version": version,
            "path": str(cluster.data or cluster.state),
            "url": cluster.url if version else None,
            "users": cluster.users(),
            "kept": cluster.keep_mark.exists(),
        }


def _line(facts: dict[str, Any]) -> str:
    if facts["source"] == "environment":
        return f"DATABASE_URL: PostgreSQL {_dotted(facts['version'])} at {facts['url']}"
    if not facts["running"]:
        return f"{facts['profile']}: not running ({facts['path']})"
    users = ", ".join(map(str, facts["users"])) or "nobody"
    kept = "; runs until `devdb stop`" if facts["kept"] else ""
    return (
        f"{facts['profile']}: PostgreSQL {_dotted(facts['version'])} from the {facts['source']}\n"
        f"  path {facts['path']}\n  url  {facts['url']}\n  used by {users}{kept}"
    )


def _url(options: argparse.Namespace) -> int:
    if not os.environ.get("DATABASE_URL"):
        cluster, _ = find_cluster(options.profile)
        if cluster.answers() is None:
            raise DevdbUnavailable(f"Nothing runs: devdb start --profile {options.profile}")
    with server(profile=options.profile) as found:
        url = found.url(options.database)
    _print(options, {"url": url}, url)
    return 0


def _psql(options: argparse.Namespace) -> int:
    with server(profile=options.profile) as found:
        command = [_psql_for(found, options), found.url(options.database), *options.arguments]
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's, which ends a query with it
        return 1 if subprocess.run(command, check=False).returncode else 0


def _psql_for(found: Server, options: argparse.Namespace) -> str:
    if found.source != "environment":
        own = find_cluster(options.profile)[1].folder / "psql"
        if own.exists():
            return str(own)
    if on_path := shutil.which("psql"):
        return on_path
    raise DevdbUnavailable("There is no psql: install your system's postgresql-client package.")


def _destroy(options: argparse.Namespace) -> int:
    doomed = [cluster for cluster, _ in clusters(home(), options.profile)]
    paths = [str(cluster.state) for cluster in doomed]
    if doomed and not options.yes:
        listed = "\n".join(paths)
        print(f"devdb: this would remove all databases in\n{listed}\nAdd --yes to do it.", file=sys.stderr)
        return 2
    for cluster in doomed:
        with cluster.changing():
            if cluster.is_used():
                raise DevdbUnavailable(f"{_in_use(cluster)} End them first.")
            _lifecycle.remove(cluster)
    _print(options, {"removed": paths}, "\n".join(f"Removed {path}." for path in paths) or "Nothing to remove.")
    return 0


def _in_use(cluster: Cluster) -> str:
    users = ", ".join(map(str, cluster.users())) or "other processes"
    return f"{cluster.state} is used by {users}."


def _print(options: argparse.Namespace, facts: dict[str, Any], text: str) -> None:
    print(json.dumps(facts) if options.json else text)


def _dotted(version: int) -> str:
    return f"{version // 10000}.{version % 10000}"


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "start": _start,
    "stop": _stop,
    "status": _status,
    "url": _url,
    "psql": _psql,
    "destroy": _destroy,
}
