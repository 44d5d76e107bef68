"""Second factors of who is signed in. HTTP in, one action, HTTP out. Each change ends all sessions."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.fields import uuid_or_none
from apps.common.api.requests import caller_of, origin_of
from apps.common.errors import NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1.shapes.factors import (
    AppCode,
    AppShape,
    FactorsShape,
    NewPasskey,
    RecoveryShape,
    app_shape,
    factors_shape,
)
from apps.identity.api.v1.shapes.sessions import OptionsShape
from apps.identity.api.v1.views.asking import principal_of, session_of
from apps.identity.types import Authority
from rbac.django.permissions import requires, signed_in

_OF_LATE = signed_in(step_up=True)


class Factors(Endpoint):
    """GET /identity/factors."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(),
            name="read_factors",
            summary="My second factors",
            returns={200: FactorsShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Return which second factors the caller has; never a secret."""
        session_of(request)
        return Response(factors_shape(queries.factors_of(caller_of(request).pk)))


class Totp(Endpoint):
    """POST and DELETE /identity/factors/totp."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_OF_LATE, name="begin_totp", summary="Set up an authenticator app", returns={200: AppShape}
        ),
        "DELETE": Operation(
            permission=_OF_LATE, name="remove_totp", summary="Remove the authenticator app", returns={204: None}
        ),
    }

    def post(self, request: Request) -> Response:
        """Return a secret for an app; it counts once a code of it was confirmed."""
        return Response(app_shape(actions.begin_totp(user_id=caller_of(request).pk, origin=origin_of(request))))

    def delete(self, request: Request) -> Response:
        """Take the app away, and end all sessions."""
        actions.remove_totp(user_id=caller_of(request).pk, origin=origin_of(request))
        return Response(status=204)


class TotpConfirmation(Endpoint):
    """POST /identity/factors/totp/confirm."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_OF_LATE,
            name="confirm_totp",
            summary="Confirm the authenticator app",
            body=AppCode,
            returns={200: RecoveryShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Set the app up that shows this code, return recovery codes, and end all sessions."""
        body = parse_body(request, AppCode)
        codes = actions.confirm_totp(user_id=caller_of(request).pk, code=body.code, origin=origin_of(request))
        return Response(RecoveryShape(recovery_codes=codes))


class PasskeyBegin(Endpoint):
    """POST /identity/factors/passkeys/options."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_OF_LATE, name="begin_passkey", summary="What a new passkey needs", returns={200: OptionsShape}
        )
    }

    def post(self, request: Request) -> Response:
        """Return what `navigator.credentials.create` takes, and the challenge that its answer goes back with."""
        challenge, options = actions.begin_passkey(user_id=caller_of(request).pk)
        return Response(OptionsShape(challenge=challenge, options=options))


class Passkeys(Endpoint):
    """POST /identity/factors/passkeys."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_OF_LATE,
            name="add_passkey",
            summary="Set up a passkey",
            body=NewPasskey,
            returns={201: RecoveryShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Set up the passkey that a browser made, return recovery codes, and end all sessions."""
        body = parse_body(request, NewPasskey)
        codes = actions.add_passkey(
            user_id=caller_of(request).pk,
            name=body.name,
            challenge=body.challenge,
            credential=body.credential,
            origin=origin_of(request),
        )
        return Response(RecoveryShape(recovery_codes=codes), status=201)


class PasskeyOne(Endpoint):
    """DELETE /identity/factors/passkeys/{passkey_id}."""

    operations: ClassVar = {
        "DELETE": Operation(permission=_OF_LATE, name="remove_passkey", summary="Remove a passkey", returns={204: None})
    }

    def delete(self, request: Request, passkey_id: str) -> Response:
        """Take one passkey away, and end all sessions."""
        wanted = uuid_or_none(passkey_id)
        if wanted is None:
            raise NotFound
        actions.remove_passkey(user_id=caller_of(request).pk, passkey_id=wanted, origin=origin_of(request))
        return Response(status=204)


class RecoveryCodes(Endpoint):
    """POST /identity/factors/recovery-codes."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_OF_LATE,
            name="replace_recovery_codes",
            summary="Make new recovery codes",
            returns={200: RecoveryShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Return new recovery codes, which void the old ones, and end all sessions."""
        codes = actions.replace_recovery_codes(user_id=caller_of(request).pk, origin=origin_of(request))
        return Response(RecoveryShape(recovery_codes=codes))


class LostFactors(Endpoint):
    """DELETE /identity/users/{user_id}/factors."""

    operations: ClassVar = {
        "DELETE": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="remove_factors",
            summary="Remove the second factors of somebody who lost them",
            returns={204: None},
        )
    }

    def delete(self, request: Request, user_id: str) -> Response:
        """Take all second factors of a user away who may do no more than the caller, and end their sessions."""
        wanted, by, origin = uuid_or_none(user_id), Authority.of(principal_of(request)), origin_of(request)
        managed = queries.users(by.grants, permissions.MANAGE_USERS, at=origin.at)
        user = None if wanted is None else managed.filter(pk=wanted).first()
        if user is None:
            raise NotFound
        actions.remove_factors(user, by=by, origin=origin)
        return Response(status=204)
