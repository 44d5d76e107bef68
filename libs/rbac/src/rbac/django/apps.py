"""The Django application of rbac."""

from typing import override

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules


class RbacConfig(AppConfig):
    """Loads every app's permissions and refuses routes that declare none."""

    name = "rbac.django"
    label = "rbac"
    verbose_name = "Roles and bindings"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        # Without this a code would count as unknown until something happened to import its domain.
        autodiscover_modules("permissions")
        from rbac.django.checks import check_routes  # noqa: PLC0415  (it imports DRF, which needs the settings)

        checks.register(check_routes, checks.Tags.security)
