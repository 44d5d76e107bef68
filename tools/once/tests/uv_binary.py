"""The uv that this test run was started with, or the one beside Python: a shim on PATH may refuse other folders."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def uv(folder: Path) -> str:
    """Return the path of a uv that runs in a folder."""
    candidates = (os.environ.get("UV"), shutil.which("uv"), f"{sys.base_prefix}/bin/uv")  # noqa: TID251  # as above
    for each in candidates:
        if each and Path(each).exists():
            done = subprocess.run([each, "--version"], cwd=folder, check=False, capture_output=True)
            if done.returncode == 0:
                return each
    raise AssertionError(f"no uv runs in {folder}: install uv")
