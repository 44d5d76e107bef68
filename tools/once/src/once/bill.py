"""What a package installs (CycloneDX), and where the results of its tasks come from (in-toto, SLSA)."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from once import changes
from once.checkout import Checkout
from once.git import snapshot, tree
from once.listing import environment
from once.memo import interpreter
from once.store import LayeredStore
from once.workspace import BadWorkspace, Job

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
# A name, as SLSA asks for: no page needs to be there.
BUILD_TYPE = "urn:once:job:v1"


def sbom(root: str, package: str, extras: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a package and some of its extras install, by uv.lock, as CycloneDX 1.5.

    uv makes it. The same lock gives the same text: no time of day, and a serial number from the content.

    Raises:
        BadWorkspace: uv is not installed, or has no such package or extra.
    """
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` says which one it is
    if uv is None:
        raise BadWorkspace("uv is not installed: it makes the list; see `uv export`")
    words = [
        uv,
        "export",
        "--quiet",
        "--format=cyclonedx1.5",
        "--preview-features=sbom-export",
        "--frozen",
        "--offline",
    ]
    chosen = [f"--package={package}", "--no-default-groups", *(f"--extra={each}" for each in extras)]
    done = subprocess.run([*words, *chosen], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BadWorkspace(f"uv cannot list {package}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    del found["metadata"]["timestamp"]
    found["serialNumber"] = ""
    return found | {"serialNumber": uuid5(NAMESPACE_OID, json.dumps(found, sort_keys=True)).urn}


def commit(now: Checkout) -> tuple[str, bool]:
    """Return the commit that a work tree is of, and whether it has changes that are not in it.

    Raises:
        BadWorkspace: There is no commit.
    """
    root = now.snapshot.root
    command = ("git", "-C", root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    done = subprocess.run(command, env=environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise BadWorkspace("There is no commit here that results could come from: commit first")
    name = done.stdout.strip()
    return name, tree(root, name).files != snapshot(root, converted=False).files


def provenance(now: Checkout, store: LayeredStore, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return an in-toto statement about the results of jobs, with a SLSA provenance as its predicate.

    Its subjects are the files that the jobs left, by the SHA-256 of their content as it is stored; without any, the
    list of the files of each package. Nothing is signed: who publishes it signs it.

    Raises:
        BadWorkspace: There is no commit.
    """
    name, dirty = commit(now)
    outputs: dict[str, str] = {}
    tasks = []
    for job in jobs:
        key = now.keys.of(job)
        result = store.get(key.digest)
        left = {path: sha256(text).hexdigest() for path, (_, text) in result.outputs.items()} if result else {}
        outputs |= left
        tasks.append({"job": str(job), "key": key.digest, "passed": result is not None, "outputs": left})
    packages = {job.member.path: changes.parse(now.keys.of(job).manifest)[f"files {job.member.path}"] for job in jobs}
    lock = sha256(now.keys.inputs.read("uv.lock")).hexdigest()
    return {
        "_type": STATEMENT,
        "subject": [{"name": path, "digest": {"sha256": each}} for path, each in sorted((outputs or packages).items())],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"jobs": [str(job) for job in jobs]},
                "internalParameters": {"interpreter": interpreter(), "jobs": tasks, "packages": packages},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": name}, "annotations": {"dirty": dirty}},
                    {"name": "uv.lock", "digest": {"sha256": lock}},
                ],
            },
            "runDetails": {"builder": {"id": "urn:once:local"}},
        },
    }
