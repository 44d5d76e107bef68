"""Tokens: signing in, staying signed in, signing out. HTTP in, one action, HTTP out."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.endpoint import Operation
from apps.identity import actions
from apps.identity.api.v1.shapes.sessions import (
    HeldChallenge,
    HeldToken,
    KeysShape,
    OptionsShape,
    ShownFactor,
    SignIn,
    TokenShape,
    factor_of,
    keys_shape,
    token_shape,
)
from apps.identity.api.v1.views.before import BeforeSignIn, agent_of, nobody_at
from apps.identity.keys import key_ring, publish_newest
from rbac.django.permissions import public


class Token(BeforeSignIn):
    """POST /identity/token."""

    full_budget = actions.FULL_BUDGET
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
        """Trade a password for an access token and a refresh token.

        An account with a second factor is answered 401 `second_factor_required`, with a challenge in `errors[0].meta`.
        """
        body = parse_body(request, SignIn)
        pair = actions.sign_in(
            username=body.username, password=body.password, origin=nobody_at(request), agent=agent_of(request)
        )
        return Response(token_shape(pair))


class TokenSecondFactor(BeforeSignIn):
    """POST /identity/token/second-factor."""

    full_budget = actions.FULL_BUDGET
    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no token yet; the challenge and the second factor are the proof"),
            name="finish_sign_in",
            summary="Finish signing in",
            body=ShownFactor,
            returns={200: TokenShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Answer a sign-in's challenge with a second factor; a challenge, and a code, is good for one answer."""
        body = parse_body(request, ShownFactor)
        pair = actions.finish_sign_in(
            challenge=body.challenge, factor=factor_of(body), origin=nobody_at(request), agent=agent_of(request)
        )
        return Response(token_shape(pair))


class PasskeyOptions(BeforeSignIn):
    """POST /identity/second-factor/passkey."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no token yet; the challenge is the proof"),
            name="read_passkey_options",
            summary="What a passkey is to sign",
            body=HeldChallenge,
            returns={200: OptionsShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Return what `navigator.credentials.get` takes to answer a challenge with a passkey."""
        body = parse_body(request, HeldChallenge)
        options = actions.passkey_options(body.challenge, origin=nobody_at(request))
        return Response(OptionsShape(challenge=body.challenge, options=options))


class TokenRefresh(BeforeSignIn):
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
        return Response(token_shape(actions.refresh_session(refresh=body.refresh, origin=nobody_at(request))))


class TokenRevoke(BeforeSignIn):
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
        actions.end_session(refresh=body.refresh, origin=nobody_at(request))
        return Response(status=204)


class Keys(BeforeSignIn):
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
        """Return the public keys, the newest first; it signs once it has been here for ten minutes."""
        del request
        publish_newest()
        shape = keys_shape(key.jwk for key in key_ring().verifying.values())
        return Response(shape, headers={"Cache-Control": "public, max-age=300"})
