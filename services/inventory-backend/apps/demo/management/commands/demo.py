"""`inventory demo`. The command line has prepared the demo's database (`apps.demo.database`) when this begins."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from threading import Thread
from typing import Any, ClassVar, override
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connections
from django.utils import timezone

from apps.common.management.server import ServingCommand, serve
from apps.demo.people import Person, admit
from apps.demo.seed import seed
from audit import Origin

_HOST = "127.0.0.1"
_PATIENCE_SECONDS = 60
_BLOCK = """
The demo runs: 18 months of a coffee roaster's stock, in two warehouses.

  docs       {url}/docs
  tutorials  docs/ in this repository

  sign in as      with the password     to work
{people}

  Try it: sign in, and read five balances.

{curl}

Ctrl-C stops the server and its database. The data stays; `inventory demo --reset` begins anew.
"""
# sed, because a fresh machine has no jq.
_CURL = r"""TOKEN=$(curl -s {url}/api/v1/identity/token -H 'Content-Type: application/json' \
  -d '{{"username": "{username}", "password": "{password}"}}' | sed -E 's/.*"access": ?"([^"]+)".*/\1/')
curl -s '{url}/api/v1/ledger/balances?nonzero=true&limit=5' -H "Authorization: Bearer $TOKEN"
"""


class Command(ServingCommand):
    help = "Try the service: database, believable data, users and server in one command."
    examples: ClassVar[str] = (
        "  inventory demo\n"
        "  inventory demo --port 9000    where 8000 is taken\n"
        "  inventory demo --reset        throw the demo's data away and begin anew"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="Port to listen at (default: %(default)s).")
        parser.add_argument("--reset", action="store_true", help="Begin with an empty database.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        self.require_free(host=_HOST, port=port)
        self.progress("Bringing the database up to date ...")
        # In a process of its own, since it connects as the owner of the tables and the service never does.
        subprocess.run([sys.executable, "-m", "config.cli", "migrate", "-v0"], check=True)
        # Only now: the checks ask the server what it can do, as a role that the first migration makes.
        self.check()
        self.progress("Looking for data ...")
        at = timezone.now()
        seed(at=at, tell=self.progress)
        people = admit(Origin.system(at=at, request_id="demo-people"))
        connections.close_all()
        show = Thread(target=_when_ready, args=(port, lambda: self._show(port, people)), daemon=True)
        show.start()
        serve(host=_HOST, port=port, config=settings.CONFIG, is_quiet=True)

    def _show(self, port: int, people: Sequence[Person]) -> None:
        url = f"http://{_HOST}:{port}"
        lines = [f"  {one.username:<18}{one.password:<22}{one.site or 'everywhere'}" for one in people]
        chief = next(one for one in people if one.role == "administrator")
        curl = _CURL.format(url=url, username=chief.username, password=chief.password)
        users = [{"username": one.username, "password": one.password, "location": one.site or None} for one in people]
        text = _BLOCK.format(url=url, people="\n".join(lines), curl=curl)
        self.answer({"url": url, "docs": f"{url}/docs", "users": users, "curl": curl}, text)
        self.stdout.flush()


def _when_ready(port: int, then: Callable[[], None]) -> None:
    """Call `then` as soon as the server says that it is ready."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            with urlopen(f"http://{_HOST}:{port}/readyz", timeout=5) as answer:  # nosec B310
                if answer.status == HTTPStatus.OK:
                    then()
                    return
        except (URLError, OSError):
            time.sleep(0.1)
