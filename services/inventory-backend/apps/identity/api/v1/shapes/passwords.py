"""Wire shapes of passwords and of links to them."""

from typing import Annotated

from msgspec import Meta, Struct

from apps.common.api.fields import Text
from apps.identity.api.v1.shapes.sessions import Password

LinkToken = Annotated[str, Meta(min_length=1, max_length=1000, extra={"hint": "what follows # in the link"})]


class NewPassword(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /password."""

    current_password: Password
    new_password: Password


class LostPassword(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /password/reset."""

    username: Text


class ByLink(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /password/reset/confirm and of POST /invitations/accept."""

    token: LinkToken
    password: Password


class Invitation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /invitations: a user who has an address, by id or as `user:` and the username."""

    user: Text
