"""The Django application of audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Stores audit events."""

    name = "audit.django"
    label = "audit"
    verbose_name = "Audit trail"
    default_auto_field = "django.db.models.BigAutoField"
