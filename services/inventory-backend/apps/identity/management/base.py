"""What the commands about people share: whom and which place they mean, and on whose authority they act."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.db import rows
from apps.common.management import base
from apps.identity.models import User
from audit import Origin


class Command(base.Command):
    """A command of an operator, who has the machine and needs no browser."""

    def origin(self) -> Origin:
        """Return the origin of what this command does: the system, now."""
        return Origin.system(at=timezone.now(), request_id=f"cli-{uuid7()}")

    def user_named(self, username: str) -> User:
        """Return a user or service account; fails with the nearest name where there is none."""
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            names = User.objects.values_list("username", flat=True)
            raise self.failed("unknown_user", f"There is no user {username!r}.", self.nearest(username, names))
        return user

    def place_named(self, code: str | None) -> UUID | None:
        """Return the location with a code; None for None, which is everywhere."""
        if code is None:
            return None
        found = rows("SELECT id FROM locations_location WHERE code = %s", [code])
        if not found:
            codes = [name for (name,) in rows("SELECT code FROM locations_location", [])]
            raise self.failed("unknown_location", f"There is no location {code!r}.", self.nearest(code, codes))
        place: UUID = found[0][0]
        return place

    def nearest(self, given: str, known: Iterable[str]) -> str:
        """Return what to say to somebody who mistyped a name. Nothing was changed by then."""
        near = get_close_matches(given, list(known), n=1)
        return f"Nothing was changed. Did you mean {near[0]!r}?" if near else "Nothing was changed."


def table(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return lines of text in columns; instants to the minute, nothing as a dash."""
    cells = [list(heads), *([_cell(value) for value in line] for line in lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _cell(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
    return str(value)
