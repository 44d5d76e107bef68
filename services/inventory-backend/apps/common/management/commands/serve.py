"""`inventory serve`."""

from typing import Any, ClassVar, override

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connections

from apps.common.management.server import ServingCommand, serve


class Command(ServingCommand):
    help = "Serve the API until Ctrl-C or SIGTERM."
    examples: ClassVar[str] = "  inventory serve --host 0.0.0.0 --port 8080"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen at (default: %(default)s).")
        parser.add_argument("--port", type=int, default=8000, help="Port to listen at (default: %(default)s).")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        self.require_free(host=options["host"], port=options["port"])
        # A route without a declared permission, for one, stops the start here.
        self.check()
        connections.close_all()
        serve(host=options["host"], port=options["port"], config=settings.CONFIG)
