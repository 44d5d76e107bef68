"""A generated tree that is a uv workspace, a turbo repository, an nx repository and a moon repository at once."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import peers
from bench.graph import Shape
from bench.manifests import package_files, root_files

# Nobody's own settings of git decide what is measured.
_GIT: Final = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A generated workspace: its folder and its shape."""

    root: Path
    shape: Shape

    def source(self, number: int) -> Path:
        """Return a module of package `number`, which is among the inputs of its task."""
        name = self.shape.names[number]
        return self.root / "packages" / name / "src" / name / "m0.py"

    def output(self, name: str) -> Path:
        """Return the file that the task of a package writes."""
        return self.root / "packages" / name / "out" / "r"

    def clean(self) -> None:
        """Remove every output, and what the runners keep inside the workspace."""
        self.git("clean", "-ffdqX", "packages", ".turbo", ".nx", ".moon")

    def remove_outputs(self) -> None:
        """Remove what the tasks wrote, and nothing else."""
        for name in self.shape.names:
            shutil.rmtree(self.output(name).parent, ignore_errors=True)

    def missing_outputs(self) -> list[str]:
        """Return the packages whose task has not written its file."""
        return [name for name in self.shape.names if not self.output(name).is_file()]

    def commit(self, message: str) -> None:
        """Commit everything as it is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def git(self, *words: str) -> None:
        """Run git in the workspace."""
        subprocess.run(["git", *words], cwd=self.root, env=_GIT, check=True)


def create(root: Path, shape: Shape) -> Tree:
    """Write the workspace of `shape` into the folder `root` and commit it on the branch `main`."""
    tree = Tree(root=root, shape=shape)
    for path, content in root_files(shape).items():
        _write(root / path, content)
    for number, name in enumerate(shape.names):
        for path, content in package_files(shape, number).items():
            _write(root / "packages" / name / path, content)
    (root / "node_modules").symlink_to(peers.MODULES)  # nx wants itself among the workspace's own packages
    tree.git("init", "--quiet", "--initial-branch=main")
    tree.commit("generated")
    return tree


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
