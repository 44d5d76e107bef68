"""API keys as an operator makes them."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from apps.identity.actions import create_key
from apps.identity.models import User
from apps.identity.types import Authority, KeySpec
from audit import Origin


def key_of(owner: User, *permissions: str, location: UUID | None = None) -> str:
    """Return a new API key."""
    at = timezone.now()
    spec = KeySpec(
        name="A key", permissions=permissions, location_id=location, networks=(), expires_at=at + timedelta(days=1)
    )
    origin = Origin.system(at=at, request_id="test-0001")
    return create_key(owner, spec, by=Authority.operator(), origin=origin)[1]
