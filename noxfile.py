"""What can be done with each package: `uv run nox -s tests`, `uv run nox -s "tests(rbac)" -- -k name`.

The packages are the members of the uv workspace. Everything runs in the one locked environment that
`uv run` keeps, so a session starts at once.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import nox

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
RESULTS = ROOT / "build" / "tests"
PROOFS = ROOT / "build" / "security"
# Two processes pay only where the tests of a package take longer than starting a second one.
# A file stays with one process: its tests may share a database of a fixed name.
PYTEST = {"inventory-backend": ["-n", "2", "--dist", "loadfile"]}

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "typecheck", "security", "tests"]


@dataclass(frozen=True, kw_only=True)
class Package:
    """A member of the workspace, with two tables of its pyproject.toml."""

    path: str
    project: dict[str, Any] = field(hash=False)
    tool: dict[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        """Return the name of its distribution."""
        return str(self.project["name"])


def _toml(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _members() -> Iterator[Package]:
    patterns = _toml(ROOT)["tool"]["uv"]["workspace"]["members"]
    for folder in sorted(folder for pattern in patterns for folder in ROOT.glob(pattern)):
        if (folder / "pyproject.toml").is_file():
            content, path = _toml(folder), folder.relative_to(ROOT).as_posix()
            yield Package(path=path, project=content["project"], tool=content.get("tool", {}))


PACKAGES = list(_members())
SERVICES = [package for package in PACKAGES if package.path.startswith("services/")]
each_package = nox.parametrize("package", PACKAGES, ids=[package.name for package in PACKAGES])
each_service = nox.parametrize("package", SERVICES, ids=[package.name for package in SERVICES])
tested: list[Package] = []


@nox.session
@each_package
def lint(session: nox.Session, package: Package) -> None:
    """Ruff's rules and format; then, once, the contracts between packages."""
    session.notify("contracts")
    session.run(BIN / "ruff", "check", package.path, *session.posargs)
    session.run(BIN / "ruff", "format", "--check", package.path)


@nox.session
def contracts(session: nox.Session) -> None:
    """Who may import whom, and the rules of ruff for this file."""
    session.run(BIN / "ruff", "check", __file__)
    session.run(BIN / "ruff", "format", "--check", __file__)
    session.run(BIN / "lint-imports", "--no-logo")


@nox.session
@each_package
def typecheck(session: nox.Session, package: Package) -> None:
    """Run mypy, with the package's own section or else the workspace's."""
    options = ["--config-file", f"{package.path}/pyproject.toml"] if "mypy" in package.tool else []
    # Two configurations would empty each other's cache.
    options += ["--cache-dir", f".mypy_cache/{package.name}"]
    session.run(BIN / "mypy", *options, package.path, *session.posargs)


@nox.session
@each_package
def security(session: nox.Session, package: Package) -> None:
    """Run bandit over all but the tests; then, with the service's, the audit of the lock and the table of proofs."""
    if package in SERVICES:
        session.notify("advisories")
        session.notify("requirements")
    session.run(BIN / "bandit", "-q", "-c", "pyproject.toml", "-r", package.path, *session.posargs)


@nox.session(default=False)
def advisories(session: nox.Session) -> None:
    """Write each package's bill of materials, and look for known vulnerabilities of what uv.lock pins (part of C1)."""
    PROOFS.mkdir(parents=True, exist_ok=True)
    locked = PROOFS / "locked.txt"
    command = ["uv", "export", "--locked", "--all-packages", "--no-emit-workspace", "--quiet", "--output-file", locked]
    session.run(*command, external=True, silent=True)
    for package in PACKAGES:
        bill = [
            "--format",
            "cyclonedx1.5",
            "--package",
            package.name,
            "--output-file",
            PROOFS / f"{package.name}.cdx.json",
        ]
        session.run("uv", "export", "--locked", "--quiet", *bill, external=True, silent=True)
    ran = subprocess.run(
        [BIN / "pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", locked, *session.posargs],
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout, ran.stderr, sep="")
    is_answered = ran.returncode == 0 or "Found " in ran.stdout + ran.stderr
    unreachable = "" if is_answered else "The advisory service could not be asked: C1 is open, not passed."
    _write_audit(failed=is_answered and ran.returncode != 0, unreachable=unreachable)
    if unreachable:
        session.warn(unreachable)
    elif ran.returncode:
        session.error("Known vulnerabilities are locked in; see above.")


def _write_audit(*, failed: bool, unreachable: str) -> None:
    """Write the outcome as pytest would write a test's."""
    case = ET.Element("testcase", name="test_c1_the_lock_has_no_known_vulnerability")
    if failed:
        ET.SubElement(case, "failure", message="pip-audit found known vulnerabilities")
    if unreachable:
        ET.SubElement(case, "skipped", message=unreachable)
    ET.ElementTree(case).write(PROOFS / "advisories.xml")


@nox.session(default=False)
def requirements(session: nox.Session) -> None:
    """Run every test that has the id of a security requirement in its name, and say which hold: N/N."""
    # A real server of secrets, for D4. Without it those tests are skipped, and D4 is open and says so.
    uv = ["uv", "sync", "--locked", "--inexact", "--group", "openbao", "--quiet"]
    session.run(*uv, external=True, success_codes=range(256))
    environment = {"PYTHONPATH": SERVICES[0].path}
    report = [BIN / "python", "-m", "tests.security.report"]
    chosen = str(session.run(*report, "--selection", env=environment, silent=True)).strip()
    written = []
    for package in PACKAGES:
        results = PROOFS / f"{package.name}.xml"
        results.unlink(missing_ok=True)
        options = [f"--junit-xml={results}", "-k", chosen, *PYTEST.get(package.name, [])]
        # 1: some failed, which the table says; 5: none of this package proves a requirement.
        session.run(BIN / "pytest", package.path, *options, *session.posargs, success_codes=[0, 1, 5])
        written += [results] if results.is_file() else []
    audit = PROOFS / "advisories.xml"
    session.run(*report, *written, *([audit] if audit.is_file() else []), env=environment)


@nox.session(default=False)
@each_service
def mutants(session: nox.Session, package: Package) -> None:
    """Take guards of the access code out, one by one in a copy of the tree: a named test must fail for each."""
    session.run(BIN / "python", "-m", "tests.security.mutants", *session.posargs, env={"PYTHONPATH": package.path})


@nox.session
@each_package
def tests(session: nox.Session, package: Package) -> None:
    """Run pytest; then, once, the table of what ran."""
    session.notify("results")
    tested.append(package)
    results = RESULTS / f"{package.name}.xml"
    results.unlink(missing_ok=True)
    options = [f"--junit-xml={results}", *PYTEST.get(package.name, [])]
    session.run(BIN / "pytest", package.path, *options, *session.posargs)


@nox.session(default=False)
def results(session: nox.Session) -> None:
    """Say how many tests ran, by package; a package without a test is an error."""
    if not tested:
        session.error("No session of tests ran: start `nox -s tests`")
    rows = {package.name: _outcome(RESULTS / f"{package.name}.xml") for package in tested}
    idle = [name for name, (ran, *_) in rows.items() if not ran]
    rows["total"] = tuple(map(sum, zip(*rows.values(), strict=True)))
    print(f"\n{'package':<24}{'ran':>8}{'failed':>8}{'skipped':>9}")
    for name, (ran, failed, skipped) in rows.items():
        print(f"{name:<24}{ran:>8}{failed:>8}{skipped:>9}")
    if idle:
        session.error(f"No test ran in {', '.join(idle)}")


def _outcome(file: Path) -> tuple[int, ...]:
    """Return how many tests ran, failed and were skipped; no file means that pytest did not get far."""
    if not file.is_file():
        return 0, 0, 0
    counts = [suite.attrib for suite in ET.parse(file).iter("testsuite")]  # noqa: S314  # pytest wrote it just now
    total, failures, errors, skipped = (
        sum(int(suite[name]) for suite in counts) for name in ("tests", "failures", "errors", "skipped")
    )
    return total - skipped, failures + errors, skipped


@nox.session(default=False)
def affected(session: nox.Session) -> None:
    """Queue sessions for what changed since a revision: `nox -s affected -- [BASE [SESSION...]]`."""
    base, *chosen = session.posargs or ["main"]
    names = session.run(BIN / "affected", "--base", base, "--json", silent=True)
    for name in json.loads(names or "[]"):
        for target in chosen or ("lint", "typecheck", "security", "tests"):
            session.notify(f"{target}({name})", posargs=[])


@nox.session(default=False)
@each_service
def bench(session: nox.Session, package: Package) -> None:
    """Measure the service against its floors, and write build/bench.json."""
    session.run(BIN / "python", "-m", "bench", *session.posargs, env={"PYTHONPATH": package.path})


@nox.session(default=False)
@each_service
def serve(session: nox.Session, package: Package) -> None:
    """Start the service on this machine, by its console script."""
    for command in package.project["scripts"]:
        session.run(BIN / command, "serve", *session.posargs)
