"""`inventory migrate`: Django's migrate, and what must follow it."""

from contextlib import nullcontext
from typing import Any, ClassVar, override

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connection

from apps.common.management import base
from apps.common.management.roles import as_owner
from apps.identity.permissions import BUILTIN_ROLES
from rbac.django.actions import sync_builtin_roles


class Command(base.Command, DjangoMigrate):
    """Makes the database's roles and acts as the owner of the tables: the service's own role could not change them."""

    help = "Bring the database's tables and the built-in roles up to date."
    examples: ClassVar[str] = "  inventory migrate\n  inventory migrate --plan    show what would be done"

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            # lock_timeout stays: who cannot have a lock soon gives up, instead of making all others queue behind it.
            cursor.execute("SET statement_timeout = 0")
        is_only_asked = options["plan"] or options["check_unapplied"]
        with nullcontext() if is_only_asked else as_owner():
            super().handle(*args, **options)
            if not is_only_asked and not options["app_label"]:
                sync_builtin_roles(BUILTIN_ROLES)
