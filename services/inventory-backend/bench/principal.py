"""Migrate the database that the environment names, and print the access token of an administrator of it.

It runs as a process of its own, as the owner of the database: `python -m bench.principal`. With the code of a location
it prints the token of a new viewer of that location instead.
"""

import secrets
import sys

import django


def main() -> None:
    """Migrate, which makes the roles too, make one user, sign in, print the token."""
    django.setup()
    # Django must be set up before its applications can be imported.
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from apps.common.db import rows  # noqa: PLC0415
    from apps.identity.actions import create_user, grant_role, sign_in  # noqa: PLC0415
    from audit import Origin  # noqa: PLC0415

    place = sys.argv[1] if len(sys.argv) > 1 else None
    if place is None:
        call_command("migrate", verbosity=0)
    origin = Origin.system(at=timezone.now(), request_id="bench")
    password = secrets.token_urlsafe(24)
    name = "bench" if place is None else f"bench-{place}"
    user = create_user(username=name, name="Bench", password=password, origin=origin)
    where = rows("SELECT id FROM locations_location WHERE code = %s", [place])[0][0] if place else None
    grant_role(user=user, role_code="viewer" if place else "administrator", location_id=where, origin=origin)
    print(sign_in(username=name, password=password, origin=origin).access)  # noqa: T201  (its answer)


if __name__ == "__main__":
    main()
