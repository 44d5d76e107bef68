"""Who is asking, on routes that only the signed-in reach."""

from typing import cast
from uuid import UUID

from rest_framework.request import Request

from apps.identity import actions
from apps.identity.types import Principal


def principal_of(request: Request) -> Principal:
    """Return who is asking."""
    return cast("Principal", request.user)


def session_of(request: Request) -> UUID:
    """Return the session of who is asking; raises `SessionRequired` for an API key, which stands for less."""
    session_id = principal_of(request).session_id
    if session_id is None:
        raise actions.SessionRequired("An API key does not do this for its owner. Sign in to do that.")
    return session_id
