"""Signing in elsewhere: HTTP in, one action, HTTP out. The browser is led away and back by redirects."""

import secrets
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlencode

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

import configs  # noqa: TC001  (annotated at run time)
from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.parsers import JSONBody, RawBody
from apps.common.api.requests import origin_of
from apps.common.errors import Invalid, NotFound, Unauthenticated
from apps.identity import actions
from apps.identity.actions.federation import AWAY, Departure, Parameters, Return
from apps.identity.actions.hand_overs import HANDED_OVER
from apps.identity.api.v1.shapes.providers import (
    BeginLink,
    DepartureShape,
    HandedOverShape,
    HandOverCode,
    StartQuery,
    WayInShape,
    WaysInShape,
)
from apps.identity.api.v1.shapes.sessions import TokenShape, token_shape
from apps.identity.api.v1.views.before import BeforeSignIn, agent_of, nobody_at
from apps.identity.models import Provider
from apps.identity.providers import saml
from rbac.django.permissions import public, signed_in

# `__Host-`: no other host of the domain can plant it (RFC 6265bis, 4.1.3.2).
COOKIE: Final = "__Host-sso"
_ROOT: Final = "/api/v1/identity"
_MOST_FIELDS: Final = 20


class WaysIn(BeforeSignIn):
    """GET /identity/providers/enabled."""

    operations: ClassVar = {
        "GET": Operation(
            permission=public("a sign-in page shows where one may sign in"),
            name="list_ways_in",
            summary="Where one may sign in",
            returns={200: WaysInShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Return the providers that are on: no more of them than a sign-in page shows."""
        del request
        found = Provider.objects.filter(is_enabled=True).order_by("code")
        shapes = [
            WayInShape(
                code=each.code,
                name=each.name,
                kind=each.kind,
                start=f"{_ROOT}/token" if each.kind == "local" else f"{_ROOT}/providers/{each.code}/start",
            )
            for each in found
        ]
        return Response(WaysInShape(results=shapes))


class Start(BeforeSignIn):
    """GET /identity/providers/{code}/start."""

    schema = None  # for browsers: the document describes what programs call
    operations: ClassVar = {
        "GET": Operation(
            permission=public("who signs in has no token yet"),
            name="start_sign_in",
            summary="Go and sign in there",
            query=StartQuery,
        )
    }

    def get(self, request: Request, code: str) -> HttpResponse:
        """Send the browser to the provider."""
        query = parse_query(request, StartQuery)
        departure = actions.depart(
            provider_code=code,
            redirect_uri=callback_of(code),
            challenge=query.challenge,
            return_to=query.return_to,
            origin=nobody_at(request),
        )
        response = Response(status=302, headers={"Location": departure.address})
        remember(response, departure)
        return response


class Link(Endpoint):
    """POST /identity/providers/{code}/link."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(step_up=True),
            name="link_identity",
            summary="Sign in there as well from now on",
            body=BeginLink,
            returns={200: DepartureShape},
        )
    }

    def post(self, request: Request, code: str) -> Response:
        """Return where to send the browser; whoever it comes back as is linked to this account."""
        body = parse_body(request, BeginLink)
        departure = actions.depart(
            provider_code=code,
            redirect_uri=callback_of(code),
            challenge=body.challenge,
            return_to="",
            origin=origin_of(request),
        )
        response = Response(DepartureShape(address=departure.address))
        remember(response, departure)
        return response


class FormBody(JSONBody):
    """A form, kept as bytes."""

    media_type = "application/x-www-form-urlencoded"


class Callback(BeforeSignIn):
    """/identity/providers/{code}/callback: GET from an OpenID provider, POST from a SAML one."""

    schema = None  # for browsers
    parser_classes = (FormBody,)
    operations: ClassVar = {
        "GET": Operation(
            permission=public("who comes back has no token yet; what the provider signed is the proof"),
            name="come_back",
            summary="Come back from there",
            query=StartQuery,  # not parsed: unknown parameters are ignored (RFC 6749, 4.1.2)
        ),
        "POST": Operation(
            permission=public("who comes back has no token yet; what the provider signed is the proof"),
            name="come_back_by_form",
            summary="Come back from there with a form",
        ),
    }

    def get(self, request: Request, code: str) -> HttpResponse:
        """Check what the browser brought, and hand its user over by a code; the address holds no token."""
        return _came_back(request, code, Parameters(values=_once(request.query_params.lists()), are_posted=False))

    def post(self, request: Request, code: str) -> HttpResponse:
        """Do the same with a form, as the POST binding of SAML has it."""
        return _came_back(request, code, Parameters(values=_once(_form(request).items()), are_posted=True))


class Metadata(BeforeSignIn):
    """GET /identity/providers/{code}/metadata."""

    schema = None  # for identity providers: SAML Metadata describes it
    operations: ClassVar = {
        "GET": Operation(
            permission=public("our addresses; an identity provider reads them before it is switched on"),
            name="saml_metadata",
            summary="Our metadata",
        )
    }

    def get(self, request: Request, code: str) -> HttpResponse:
        """Return what a SAML identity provider needs to know of us."""
        del request
        if "\0" in code or not Provider.objects.filter(code=code, kind="saml").exists():
            raise NotFound
        return HttpResponse(saml.own_metadata(callback_of(code)), content_type="application/samlmetadata+xml")


class BackchannelLogout(BeforeSignIn):
    """POST /identity/providers/{code}/backchannel-logout."""

    schema = None  # for providers: OpenID Connect Back-Channel Logout 1.0 describes it
    parser_classes = (FormBody,)
    operations: ClassVar = {
        "POST": Operation(
            permission=public("the provider has no account here; what it signed is the proof"),
            name="log_out_from_there",
            summary="End sessions that ended over there",
        )
    }

    def post(self, request: Request, code: str) -> HttpResponse:
        """Obey a logout token once; 400 for one that proves nothing (2.8 of the specification)."""
        given = _form(request).get("logout_token", [])
        if len(given) != 1:
            raise Invalid.at("#/logout_token", "required", "Send one logout_token as a form.")
        try:
            actions.log_out_from_there(provider_code=code, token=given[0], origin=nobody_at(request))
        except Unauthenticated as error:
            raise Invalid.at("#/logout_token", "invalid", error.detail) from error
        return Response(status=204)


class TokenHandOver(BeforeSignIn):
    """POST /identity/token/hand-over."""

    operations: ClassVar = {
        "POST": Operation(
            permission=public("who signs in has no token yet; code and verifier are the proof"),
            name="hand_over",
            summary="Take the tokens of a sign-in elsewhere",
            body=HandOverCode,
            returns={200: TokenShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Trade the code that the browser came back with, once, for an access token and a refresh token."""
        body = parse_body(request, HandOverCode)
        pair = actions.hand_over(
            code=body.code, verifier=body.verifier, origin=nobody_at(request), agent=agent_of(request)
        )
        return Response(token_shape(pair))


def _came_back(request: Request, code: str, parameters: Parameters) -> Response:
    came = actions.come_back(
        provider_code=code,
        redirect_uri=callback_of(code),
        browser=request.COOKIES.get(COOKIE) or secrets.token_urlsafe(32),
        parameters=parameters,
        origin=nobody_at(request),
    )
    response = _handed_over(came)
    response.delete_cookie(COOKIE, path="/", samesite="Lax")
    return response


def _handed_over(came: Return) -> Response:
    if not came.return_to:
        return Response(HandedOverShape(code=came.code, expires_in=int(HANDED_OVER.total_seconds())))
    joint = "&" if "?" in came.return_to else "?"
    return Response(status=303, headers={"Location": f"{came.return_to}{joint}{urlencode({'code': came.code})}"})


def callback_of(code: str) -> str:
    """Return where a provider sends browsers back to: as settings say, not as a request claims."""
    config: configs.Settings = settings.CONFIG
    return f"{config.jwt_issuer.rstrip('/')}{_ROOT}/providers/{code}/callback"


def _once(given: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Return the parameters; one that comes twice could be read in two ways (RFC 6749, 3.1)."""
    lists = dict(given)
    repeated = sorted(name for name, values in lists.items() if len(values) > 1)
    if repeated:
        raise Invalid.at(f"?{repeated[0][:64]}", "repeated_parameter", "Each parameter comes once.")
    return {name: values[0] for name, values in lists.items()}


def _form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form; what is not ASCII is none (URL Standard, 5.2), and has no fields."""
    raw: object = request.data
    content = raw.content if isinstance(raw, RawBody) else b""
    try:
        return parse_qs(content.decode("ascii"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


def remember(response: HttpResponse, departure: Departure) -> None:
    """Leave the secret with the browser that it is recognised by when it comes back."""
    # Lax where the browser comes back by a link from another site; a form from there brings only cookies with None.
    response.set_cookie(
        COOKIE,
        departure.browser,
        max_age=int(AWAY.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="None" if departure.comes_back_by_post else "Lax",
    )
