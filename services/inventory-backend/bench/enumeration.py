"""Whether the time of an answer tells if an account exists: `python -m bench.enumeration [TRIES]`.

A table for reading, and no test: the tests count what costs time (hashes and statements), which no other load on the
machine changes. It asks in this process, on a database of its own, for an account that is there, one that is not and
one that is switched off, in turn, so that what else the machine does meets all three alike.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Final

import devdb
from bench.server import SERVICE, command, settings_for

WHO: Final = ("existing", "absent", "disabled")
PATHS: Final = {"sign-in": "/api/v1/identity/token", "reset": "/api/v1/identity/password/reset"}
_INSIDE: Final = "inside"
_WARM_UP: Final = 5


def main() -> int:
    """Make a database and measure in a process that was given it."""
    tries = sys.argv[1] if len(sys.argv) > 1 else "200"
    if tries == _INSIDE:
        return _measure(int(sys.argv[2]))
    name = f"bench_{os.getpid()}_enumeration"
    with devdb.server(profile="dev") as server:
        devdb.ensure_database(server, name)
        try:
            settings = settings_for(server.url(name), role="none") | {"INVENTORY_LOG_LEVEL": "ERROR"}
            done = subprocess.run(
                command("bench.enumeration", _INSIDE, tries, settings=settings), cwd=SERVICE, check=False
            )
        finally:
            devdb.drop_database(server, name)
    return done.returncode


def _measure(tries: int) -> int:
    import django  # noqa: PLC0415

    django.setup()
    # Django must be set up before its applications can be imported.
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import setup_test_environment  # noqa: PLC0415

    from apps.common.db import rows  # noqa: PLC0415
    from apps.identity.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    setup_test_environment()  # letters go nowhere
    for username in ("existing", "disabled"):
        user = User(username=username, name=username, email=f"{username}@example.com")
        user.set_password("correct horse battery staple")
        user.is_active = username == "existing"
        user.save()
    client = Client()
    print(f"{'':<10}{'account':<10}{'median ms':>10}{'p95 ms':>10}{'from existing':>15}")  # noqa: T201  (its answer)
    for what, path in PATHS.items():

        def ask(username: str, path: str = path, what: str = what) -> None:
            rows("DELETE FROM identity_throttle RETURNING 1", [])
            body = {"username": username} | ({"password": f"not that of {username}"} if what == "sign-in" else {})
            answer = client.post(path, body, content_type="application/json")
            if answer.status_code not in {202, 401}:
                raise RuntimeError(f"{path} answered {answer.status_code}.")

        _print(what, _taken(ask, tries))
    return 0


def _taken(ask: Callable[[str], None], tries: int) -> dict[str, list[float]]:
    """Return the milliseconds of each try."""
    taken: dict[str, list[float]] = {username: [] for username in WHO}
    for number in range(tries + _WARM_UP):
        for username in WHO:
            started = time.perf_counter()
            ask(username)
            if number >= _WARM_UP:
                taken[username].append((time.perf_counter() - started) * 1000)
    return taken


def _print(what: str, taken: dict[str, list[float]]) -> None:
    existing = median(taken["existing"])
    for username, values in taken.items():
        p95 = quantiles(values, n=20)[-1]
        print(f"{what:<10}{username:<10}{median(values):>10.2f}{p95:>10.2f}{median(values) - existing:>+15.2f}")  # noqa: T201  (as above)


if __name__ == "__main__":
    raise SystemExit(main())
