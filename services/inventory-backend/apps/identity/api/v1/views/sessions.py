"""Sessions of browsers, the list of sessions, and proofs within one. HTTP in, one action, HTTP out."""

from typing import Any, ClassVar, Final

from msgspec import UnsetType
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.fields import uuid_or_none
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import caller_of, origin_of
from apps.common.errors import Invalid, NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1.shapes.sessions import (
    BrowserShape,
    SessionQuery,
    SessionShape,
    ShownFactor,
    SignIn,
    factor_of,
    session_shapes,
)
from apps.identity.api.v1.views.asking import session_of
from apps.identity.api.v1.views.before import BeforeSignIn, agent_of, nobody_at
from apps.identity.authentication import COOKIE, SessionCookie, csrf_token, require_own_origin
from apps.identity.types import BrowserSession
from rbac.django.permissions import public, signed_in

SESSIONS: Final = Listing[Any, SessionShape](
    kind=SessionShape, shape=session_shapes, sorts={"created_at": "id"}, default="-created_at"
)


class SignInBrowser(BeforeSignIn):
    """POST /identity/session."""

    full_budget = actions.FULL_BUDGET
    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no cookie yet; the password is the proof"),
            name="sign_in_browser",
            summary="Sign in a browser",
            body=SignIn,
            returns={200: BrowserShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Trade a password for a session cookie, which no script can read, and the token that writes need beside it."""
        require_own_origin(request)
        body = parse_body(request, SignIn)
        session = actions.sign_in_browser(
            username=body.username, password=body.password, origin=nobody_at(request), agent=agent_of(request)
        )
        return _with_cookie(session)


class BrowserSecondFactor(BeforeSignIn):
    """POST /identity/session/second-factor."""

    full_budget = actions.FULL_BUDGET
    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no cookie yet; the challenge and the second factor are the proof"),
            name="finish_sign_in_browser",
            summary="Finish signing in a browser",
            body=ShownFactor,
            returns={200: BrowserShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Answer a sign-in's challenge with a second factor."""
        require_own_origin(request)
        body = parse_body(request, ShownFactor)
        session = actions.finish_sign_in_browser(
            challenge=body.challenge, factor=factor_of(body), origin=nobody_at(request), agent=agent_of(request)
        )
        return _with_cookie(session)


class CurrentBrowser(Endpoint):
    """GET and DELETE /identity/session/current: the session of a cookie, and of nothing else."""

    authentication_classes = (SessionCookie,)
    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(), name="read_session", summary="This browser's session", returns={200: BrowserShape}
        ),
        "DELETE": Operation(
            permission=signed_in(), name="end_browser_session", summary="Sign this browser out", returns={204: None}
        ),
    }

    def get(self, request: Request) -> Response:
        """Return the token that writes need beside the cookie, after a page was loaded anew."""
        return Response(BrowserShape(csrf_token=csrf_token(request.COOKIES[COOKIE])))

    def delete(self, request: Request) -> Response:
        """End the session and take the cookie away."""
        actions.revoke_session(session_id=session_of(request), user_id=caller_of(request).pk, origin=origin_of(request))
        answer = Response(status=204)
        answer.set_cookie(COOKIE, "", max_age=0, secure=True, httponly=True, samesite="Lax")
        return answer


class Sessions(Endpoint):
    """GET /identity/sessions."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(),
            name="list_sessions",
            summary="List sessions",
            query=SessionQuery,
            listing=SESSIONS,
            returns={200: Page[SessionShape]},
        )
    }

    def get(self, request: Request) -> Response:
        """Return who is signed in where: the caller, or with identity.view_users the `user`, whose id is given."""
        query = parse_query(request, SessionQuery)
        caller = caller_of(request)
        wanted = caller.pk if isinstance(query.user, UnsetType) else uuid_or_none(query.user)
        if wanted == caller.pk:
            session_of(request)
        elif not caller.grants.scope(permissions.VIEW_USERS).everywhere:
            raise PermissionDenied(f"This needs the permission {permissions.VIEW_USERS}.")
        if wanted is None:
            raise Invalid.at("?user", "unknown_user", "Send the id of a user.")
        rows = queries.sessions_of(user_id=wanted, current=caller.session_id)
        return page_of(request, query, rows, SESSIONS)


class SessionOne(Endpoint):
    """DELETE /identity/sessions/{session_id}."""

    operations: ClassVar = {
        "DELETE": Operation(permission=signed_in(), name="revoke_session", summary="End a session", returns={204: None})
    }

    def delete(self, request: Request, session_id: str) -> Response:
        """End a session of the caller's own, or with identity.manage_users of anybody; its tokens end with it."""
        caller = caller_of(request)
        wanted = uuid_or_none(session_id)
        if wanted is None:
            raise NotFound
        may_all = caller.grants.scope(permissions.MANAGE_USERS).everywhere
        if not may_all:
            session_of(request)
        actions.revoke_session(session_id=wanted, user_id=None if may_all else caller.pk, origin=origin_of(request))
        return Response(status=204)


def _with_cookie(session: BrowserSession) -> Response:
    answer = Response(BrowserShape(csrf_token=csrf_token(session.secret)))
    answer.set_cookie(
        COOKIE, session.secret, expires=session.expires_at, secure=True, httponly=True, samesite="Lax", path="/"
    )
    return answer
