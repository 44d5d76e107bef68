"""`python -m bench`: measure, print a table, write build/bench.json, and fail where a target is missed."""

import argparse
import json
import sys
from collections.abc import Mapping
from statistics import median
from typing import Final

from bench.measures import Effort, Result
from bench.run import Bench, prepared
from bench.server import SERVICE, Shape

REPORT: Final = SERVICE.parents[1] / "build" / "bench.json"
LETTERS: Final = "abcdegh"
_EPILOG: Final = """\
a one_line_post        b batch_of_1000_lines   c page_of_balances
d deep_page            e post_at_a_million     g restricted_page
h audited_post
memory and cold start are always printed

examples:
  python -m bench                      the whole run, about five minutes
  python -m bench --only a,b --quick   rough numbers of two measures
"""


def main() -> int:
    """Run the bench; 0 where all targets are met, 1 where one is missed."""
    options = _options()
    effort = Effort(repeats=2, seconds=1) if options.quick else Effort(repeats=5, seconds=3)
    shape = Shape(workers=options.workers, blocking_threads=options.blocking_threads)
    postings = 250_000 if options.quick else 1_000_000
    results: dict[str, Result] = {}
    print(f"{'measure':<24}{'ours':>12}{'floor':>12}  {'unit':<12}{'ratio':>7}{'target':>8}", flush=True)
    with prepared(effort=effort, shape=shape, postings=postings) as bench:
        for name, result in bench.run(options.only):
            results[name] = result
            print(_row(name, result), flush=True)
        _print_costs(bench)
    if not options.quick:
        _write(results)
    return 0 if all(result.is_met for result in results.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=sys.modules["bench"].__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", type=_letters, default=LETTERS, help="some of a,b,c,d,e,g,h")
    parser.add_argument("--quick", action="store_true", help="short rounds, a smaller ledger: to develop")
    parser.add_argument("--workers", type=int, default=2, help="server processes (2)")
    parser.add_argument("--blocking-threads", type=int, default=4, help="threads of each (4)")
    return parser.parse_args()


def _letters(text: str) -> str:
    letters = text.replace(",", "")
    if not letters or not set(letters) <= set(LETTERS):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(LETTERS)}")
    return letters


def _row(name: str, result: Result) -> str:
    target = "" if result.target is None else f"{result.target:.2f}"
    missed = "" if result.is_met else "  missed"
    rates = f"{result.ours:>12,.0f}{result.floor:>12,.0f}  {result.unit:<12}"
    return f"{name:<24}{rates}{result.ratio:>7.2f}{target:>8}{missed}"


def _print_costs(bench: Bench) -> None:
    processes = f"{bench.shape.workers} workers of {bench.shape.blocking_threads} blocking threads"
    memory, start = median(bench.memory_mib), median(bench.cold_starts_s)
    print(f"server: {processes}, {memory:.0f} MiB resident after load, {start:.2f} s to its first answer")


def _write(results: Mapping[str, Result]) -> None:
    """Write what has a target, as other tools read it."""
    report = {
        name: {"ratio": round(result.ratio, 3), "target": result.target}
        for name, result in results.items()
        if result.target is not None
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
