"""A user for each built-in role, with passwords that are good for one run of the demo."""

import secrets
from dataclasses import dataclass

from django.db import transaction

from apps.identity.actions import create_user, grant_role, set_password
from apps.identity.models import User
from apps.identity.permissions import BUILTIN_ROLES
from apps.identity.types import Authority
from apps.locations.models import Location
from audit import Origin

# The picker works in one warehouse; everybody else everywhere.
_BOUND_TO = {"picker": "HAM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody to sign in as; `site` is the code of the warehouse that they are bound to, empty for all."""

    username: str
    password: str
    role: str
    site: str


@transaction.atomic
def admit(origin: Origin) -> list[Person]:
    """Make the users that are missing, give all of them new passwords, and end their old sessions."""
    people = []
    for code in BUILTIN_ROLES:
        person = Person(username=code, password=secrets.token_urlsafe(12), role=code, site=_BOUND_TO.get(code, ""))
        user = User.objects.filter(username=code).first()
        if user is None:
            _hire(person, origin)
        else:
            set_password(user, person.password, by=Authority.operator(), origin=origin)
        people.append(person)
    return people


def _hire(person: Person, origin: Origin) -> None:
    name = BUILTIN_ROLES[person.role][0]
    user = create_user(username=person.username, name=name, password=person.password, origin=origin)
    site = Location.objects.get(code=person.site).pk if person.site else None
    grant_role(user=user, role_code=person.role, location_id=site, origin=origin)
