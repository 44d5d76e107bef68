"""`inventory migrate`: Django's migrate, and what must follow it."""

from typing import Any, ClassVar, override

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connection

from apps.common.management import base
from apps.identity.permissions import BUILTIN_ROLES
from rbac.django.actions import sync_builtin_roles


class Command(base.Command, DjangoMigrate):
    """Connects as the login itself, which owns the tables: the service's own role could not change them."""

    help = "Bring the database's tables and the built-in roles up to date."
    examples: ClassVar[str] = "  inventory migrate\n  inventory migrate --plan    show what would be done"

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            # lock_timeout stays: who cannot have a lock soon gives up, instead of making all others queue behind it.
            cursor.execute("SET statement_timeout = 0")
        super().handle(*args, **options)
        is_partial = options["app_label"] or options["plan"] or options["check_unapplied"]
        if not is_partial:
            sync_builtin_roles(BUILTIN_ROLES)
