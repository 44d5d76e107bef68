"""Addresses below /api/v1/audit/."""

from django.urls import path

from apps.trail.api.v1.views import EventProof, Events, Verification

urlpatterns = [
    path("events", Events.as_view(), name="audit-events"),
    path("events/<uuid:event_id>/proof", EventProof.as_view(), name="audit-proof"),
    path("verify", Verification.as_view(), name="audit-verify"),
]
