"""`once verify [TASK...]`: a sample of what is cached is run again and compared with what the cache holds."""

import argparse
import json
import os
import sys
from time import monotonic

from once import memo, remote
from once.checkout import checkout
from once.store import LayeredStore, LocalStore
from once.verify import Verdict, sample, verify


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these tasks (all)")
    parser.add_argument("--sample", default="5%", metavar="5%|N", help="how much of what is cached (%(default)s)")
    parser.add_argument(
        "-j", "--jobs", type=int, default=os.process_cpu_count() or 1, help="how many jobs at once (the cores)"
    )
    parser.add_argument("--json", action="store_true", help="print what was compared, and how, as JSON")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print how many hits were right; 1 where one was wrong, 3 where one could not be compared."""
    began = monotonic()
    os.chdir(root)
    now = checkout(root)
    jobs = now.workspace.jobs(chosen.tasks or now.workspace.tasks)
    far = remote.from_environment(os.environ)
    store = LayeredStore(local=LocalStore(), remote=far)
    known = {job: result for job in jobs if (result := store.get(now.keys.of(job).digest)) is not None}
    picked = {job: known[job] for job in sample(list(known), chosen.sample)}
    verdicts = verify(now, picked, store, slots=max(1, chosen.jobs)) if picked else []
    if any(each.wrong for each in verdicts):
        memo.forget(root)  # it says that they passed
    if far is not None:
        far.close()
    _print(verdicts, len(known), monotonic() - began, as_json=chosen.json)
    return 1 if any(each.wrong for each in verdicts) else 3 if any(each.unknown for each in verdicts) else 0


def _print(verdicts: list[Verdict], hits: int, seconds: float, *, as_json: bool) -> None:
    right = sum(not (each.wrong or each.varying or each.unknown) for each in verdicts)
    varying = sum(bool(each.varying) and not each.wrong for each in verdicts)
    if as_json:
        jobs = [
            {
                "job": str(each.job),
                "key": each.key,
                "wrong": list(each.wrong),
                "varying": list(each.varying),
                "unknown": each.unknown,
            }
            for each in verdicts
        ]
        figures = {"hits": hits, "sampled": len(verdicts), "right": right, "varying": varying}
        figures["wrong"] = sum(bool(each.wrong) for each in verdicts)
        print(json.dumps({**figures, "seconds": round(seconds, 3), "jobs": jobs}, indent=2))
        return
    sys.stderr.flush()
    for each in verdicts:
        if each.wrong:
            print(f"{each.job} {each.key[:7]}: WRONG HIT, removed: differs in {', '.join(each.wrong)}")
        elif each.unknown:
            print(f"{each.job} {each.key[:7]}: not compared: {each.unknown}")
        elif each.varying:
            print(f"{each.job} {each.key[:7]}: not the same from run to run: {', '.join(each.varying)}")
    extra = f", {varying} vary from run to run" if varying else ""
    print(f"verify: {right} of {len(verdicts)} hits are right{extra} (of {hits} cached) in {seconds:.1f} s")
