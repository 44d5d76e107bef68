"""Signing in, staying signed in, signing out: HTTP in, one action, HTTP out."""

from typing import ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.errors import request_id_of
from apps.identity import actions
from apps.identity.api.v1.shapes.sessions import HeldToken, KeysShape, SignIn, TokenShape, keys_shape, token_shape
from apps.identity.keys import key_ring
from audit import Origin
from rbac.django.permissions import public


class _BeforeSignIn(Endpoint):
    """A view that takes no notice of an access token, which may well have expired."""

    authentication_classes = ()


class Token(_BeforeSignIn):
    """POST /identity/token."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no token yet; the password is the proof"),
            name="sign_in",
            summary="Sign in",
            body=SignIn,
            returns={200: TokenShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Trade a password for an access token and a refresh token."""
        body = parse_body(request, SignIn)
        pair = actions.sign_in(username=body.username, password=body.password, origin=_nobody_at(request))
        return Response(token_shape(pair))


class TokenRefresh(_BeforeSignIn):
    """POST /identity/token/refresh."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("the access token has expired by then; the refresh token is the proof"),
            name="refresh_session",
            summary="Stay signed in",
            body=HeldToken,
            returns={200: TokenShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Trade a refresh token, once, for a new pair; using it twice ends the session."""
        body = parse_body(request, HeldToken)
        return Response(token_shape(actions.refresh_session(refresh=body.refresh, origin=_nobody_at(request))))


class TokenRevoke(_BeforeSignIn):
    """POST /identity/token/revoke."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("signing out must work without an access token; the refresh token is the proof"),
            name="end_session",
            summary="Sign out",
            body=HeldToken,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """End the session of a refresh token; its access tokens end with it. An unknown token is no error."""
        body = parse_body(request, HeldToken)
        actions.end_session(refresh=body.refresh, origin=_nobody_at(request))
        return Response(status=204)


class Keys(_BeforeSignIn):
    """GET /identity/jwks."""

    operations: ClassVar = {
        "GET": Operation(
            permission=public("public keys are public"),
            name="list_keys",
            summary="The keys that access tokens are checked with",
            returns={200: KeysShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Return the public keys, the one that signs now first."""
        del request
        shape = keys_shape(key.jwk for key in key_ring().verifying.values())
        return Response(shape, headers={"Cache-Control": "public, max-age=300"})


def _nobody_at(request: Request) -> Origin:
    """Return the origin of a request that nobody has signed in for."""
    return Origin(
        actor_id=None,
        at=timezone.now(),
        request_id=request_id_of(request),
        ip=getattr(request, "client_ip", None),
    )
