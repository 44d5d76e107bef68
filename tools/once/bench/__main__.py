"""`python -m bench`: measure, print a table, write build/bench-once.json, and fail where a target is missed."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench import measures, peers, runners
from bench.measures import Bench, Effort, Lines
from bench.rounds import Result

_REPORT: Final = peers.ROOT / "build" / "bench-once.json"
_MEASURES: Final[Mapping[str, Callable[[Bench], Lines]]] = {
    "a": measures.cached,
    "b": measures.affected,
    "c": measures.cold,
    "d": measures.keys,
    "e": measures.nox,
}
_FULL: Final = Effort(sizes=(5, 50, 200), cold=200, growth=(200, 2000), rounds=9)
_QUICK: Final = Effort(sizes=(5, 50), cold=50, growth=(20, 200), rounds=3)
_EPILOG: Final = """\
a  all packages from the cache
b  the list of what a commit affects: in the application, in the root library
c  what a cold run adds to each task, in milliseconds for each
d  how the cost of the keys grows with the files, in milliseconds for each
e  what `nox -s tests` adds to nox's own start

examples:
  python -m bench                      the whole run, about ten minutes
  python -m bench --only b             one measure, as in the whole run; nothing is written
  python -m bench --only a,b --quick   rough numbers of two measures; nothing is written
  TMPDIR=/dev/shm python -m bench      the workspaces in memory: d writes 200,000 files, minutes on a slow disk
"""


def main() -> int:
    """Run the bench; 0 where all targets are met, 1 where one is missed, 2 where a runner does not do its work."""
    options = _options()
    runners.unwind_when_terminated()
    effort = _QUICK if options.quick else _FULL
    try:
        results = _measure(options.only, effort)
    except (peers.PeerMissing, runners.DidNotStart, runners.WrongAnswer) as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        return 2
    if not options.quick and set(options.only) == set(_MEASURES):
        report = {name: {"ratio": round(each.ratio, 3), "target": each.target} for name, each in results.items()}
        _REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if all(result.is_met for result in results.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=sys.modules["bench"].__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    letters = ",".join(_MEASURES)
    parser.add_argument("--only", type=_letters, default="".join(_MEASURES), help=f"some of {letters}")
    parser.add_argument("--quick", action="store_true", help="5 and 50 packages, 3 rounds: to develop")
    return parser.parse_args()


def _letters(text: str) -> str:
    letters = text.replace(",", "")
    if not letters or not set(letters) <= set(_MEASURES):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(_MEASURES)}")
    return letters


def _measure(letters: str, effort: Effort) -> dict[str, Result]:
    peers.install()
    results: dict[str, Result] = {}
    versions = ", ".join(f"{name} {version}" for name, version in peers.VERSIONS.items())
    cores, load = os.process_cpu_count(), os.getloadavg()[0]
    print(f"{versions}; {cores} cores, load {load:.1f} before; medians of {effort.rounds} in milliseconds")
    print(f"{'measure':<36}{'once':>12}{'other':>12}{'ratio':>9}{'target':>8}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-once-") as folder:
        environment = runners.environment(Path(folder) / "home")
        everybody = tuple(make(environment) for make in (runners.once, runners.turbo, runners.nx, runners.moon))
        bench = Bench(folder=Path(folder), runners=everybody, effort=effort)
        began = time.monotonic()
        for letter in sorted(set(letters)):
            said = (_MEASURES[letter].__doc__ or "").partition("\n")[0]
            print(f"after {time.monotonic() - began:.0f} s: {said}", flush=True)
            for name, result in _MEASURES[letter](bench):
                results[name] = result
                print(_row(name, result), flush=True)
    return results


def _row(name: str, result: Result) -> str:
    missed = "" if result.is_met else "  missed"
    times = f"{result.ours * 1000:>12.4g}{result.other * 1000:>12.4g}"
    return f"{name:<36}{times}{result.ratio:>9.2f}{result.target:>8.1f}{missed}"


if __name__ == "__main__":
    sys.exit(main())
