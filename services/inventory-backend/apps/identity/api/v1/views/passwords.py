"""Passwords and links to them. HTTP in, one action, HTTP out."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.requests import caller_of, origin_of
from apps.identity import actions, permissions, queries
from apps.identity.api.v1.shapes.passwords import ByLink, Invitation, LostPassword, NewPassword
from apps.identity.api.v1.views.asking import principal_of, session_of
from apps.identity.api.v1.views.before import BeforeSignIn, nobody_at
from apps.identity.types import Authority
from rbac.django.permissions import public, requires, signed_in


class Password(Endpoint):
    """POST /identity/password."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="change_password",
            summary="Change my password",
            body=NewPassword,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Replace the caller's password and end all sessions, this one too."""
        session_of(request)
        body = parse_body(request, NewPassword)
        actions.change_password(
            user_id=caller_of(request).pk,
            current=body.current_password,
            new=body.new_password,
            origin=origin_of(request),
        )
        return Response(status=204)


class Reset(BeforeSignIn):
    """POST /identity/password/reset."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("whoever lost the password cannot sign in; the letter goes to the account's address"),
            name="request_password_reset",
            summary="Ask for a link to a new password",
            body=LostPassword,
            returns={202: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Send a letter, if there is such a user; the answer is the same if not."""
        actions.request_reset(username=parse_body(request, LostPassword).username, origin=nobody_at(request))
        return Response(status=202)


class ResetConfirmation(BeforeSignIn):
    """POST /identity/password/reset/confirm."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("the link's token is the proof"),
            name="reset_password",
            summary="Choose a new password by a link",
            body=ByLink,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Replace the password and end all sessions. A link is good once, for an hour; it signs nobody in."""
        body = parse_body(request, ByLink)
        actions.reset_password(token=body.token, password=body.password, origin=nobody_at(request))
        return Response(status=204)


class Invitations(Endpoint):
    """POST /identity/invitations."""

    operations: ClassVar = {
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="invite_user",
            summary="Invite a user",
            body=Invitation,
            returns={202: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Send a user, who may do no more than the caller, a link to a first password."""
        body, origin = parse_body(request, Invitation), origin_of(request)
        managed = queries.users(principal_of(request).grants, permissions.MANAGE_USERS, at=origin.at)
        user = queries.USERS.one(managed, body.user, pointer="#/user")
        actions.invite(user, by=Authority.of(principal_of(request)), origin=origin)
        return Response(status=202)


class InvitationAcceptance(BeforeSignIn):
    """POST /identity/invitations/accept."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("the link's token is the proof"),
            name="accept_invitation",
            summary="Choose a first password by a link",
            body=ByLink,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Choose the first password. A link is good once, for three days; it signs nobody in."""
        body = parse_body(request, ByLink)
        actions.accept_invitation(token=body.token, password=body.password, origin=nobody_at(request))
        return Response(status=204)
