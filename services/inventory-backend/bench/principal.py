"""Migrate the database that the environment names, and print the access token of an administrator of it.

It runs as a process of its own, as the owner of the database: `python -m bench.principal`.
"""

import secrets

import django


def main() -> None:
    """Migrate, which makes the roles too, make one user, sign in, print the token."""
    django.setup()
    # Django must be set up before its applications can be imported.
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from apps.identity.actions import create_user, grant_role, sign_in  # noqa: PLC0415
    from audit import Origin  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    origin = Origin.system(at=timezone.now(), request_id="bench")
    password = secrets.token_urlsafe(24)
    user = create_user(username="bench", name="Bench", password=password, origin=origin)
    grant_role(user=user, role_code="administrator", location_id=None, origin=origin)
    print(sign_in(username="bench", password=password, origin=origin).access)  # noqa: T201  (its answer)


if __name__ == "__main__":
    main()
