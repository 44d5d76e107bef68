"""Reads of the audit trail."""

from django.db.models import QuerySet

from audit.django.models import AuditEvent


def events_for(object_type: str, object_id: str) -> QuerySet[AuditEvent]:
    """Return what happened to one object, oldest first."""
    return AuditEvent.objects.filter(object_type=object_type, object_id=object_id).order_by("seq")
