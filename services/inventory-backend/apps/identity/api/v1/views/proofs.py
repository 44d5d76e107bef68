"""Proving again, within a session, who one is. HTTP in, one action, HTTP out."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.requests import caller_of, origin_of
from apps.identity import actions
from apps.identity.api.v1.shapes.providers import BeginProof, DepartureShape, HandOverCode
from apps.identity.api.v1.shapes.sessions import ChallengeShape, KnownPassword, ShownFactor, factor_of
from apps.identity.api.v1.views.asking import session_of
from apps.identity.api.v1.views.federation import callback_of, remember
from rbac.django.permissions import signed_in


class Proof(Endpoint):
    """POST /identity/proof."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="prove_again",
            summary="Prove again who you are",
            body=KnownPassword,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Renew the proof within this session, for what asks for one of the last five minutes.

        An account with a second factor is answered 401 `second_factor_required`, as at a sign-in.
        """
        body = parse_body(request, KnownPassword)
        actions.prove_again(
            user_id=caller_of(request).pk,
            session_id=session_of(request),
            password=body.password,
            origin=origin_of(request),
        )
        return Response(status=204)


class ProofSecondFactor(Endpoint):
    """POST /identity/proof/second-factor."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="finish_proving_again",
            summary="Finish proving again who you are",
            body=ShownFactor,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Answer the challenge of POST /proof with a second factor."""
        body = parse_body(request, ShownFactor)
        actions.finish_proving_again(
            user_id=caller_of(request).pk,
            session_id=session_of(request),
            challenge=body.challenge,
            factor=factor_of(body),
            origin=origin_of(request),
        )
        return Response(status=204)


class ProofChallenge(Endpoint):
    """POST /identity/proof/challenge."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="begin_proving_again",
            summary="Prove again who you are, without a password",
            returns={200: ChallengeShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Return a challenge for POST /proof/second-factor, to who has a second factor and no password."""
        session_of(request)
        challenge, methods = actions.begin_proving_again(user_id=caller_of(request).pk)
        return Response(ChallengeShape(challenge=challenge, methods=list(methods)))


class ProofElsewhere(Endpoint):
    """POST /identity/providers/{code}/proof."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="begin_proof_elsewhere",
            summary="Prove again who you are, by signing in anew elsewhere",
            body=BeginProof,
            returns={200: DepartureShape},
        )
    }

    def post(self, request: Request, code: str) -> Response:
        """Return where to send the browser; whoever comes back must have signed in there since now, as the same."""
        session_of(request)
        body = parse_body(request, BeginProof)
        departure = actions.depart(
            provider_code=code,
            redirect_uri=callback_of(code),
            challenge=body.challenge,
            return_to=body.return_to,
            origin=origin_of(request),
            is_proof=True,
        )
        response = Response(DepartureShape(address=departure.address))
        remember(response, departure)
        return response


class ProofHandOver(Endpoint):
    """POST /identity/proof/hand-over."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(),
            name="finish_proof_elsewhere",
            summary="Finish proving again who you are elsewhere",
            body=HandOverCode,
            returns={204: None},
        )
    }

    def post(self, request: Request) -> Response:
        """Renew the proof within this session by the code that the browser came back with."""
        session_id = session_of(request)
        body = parse_body(request, HandOverCode)
        actions.finish_proof_elsewhere(
            code=body.code, verifier=body.verifier, session_id=session_id, origin=origin_of(request)
        )
        return Response(status=204)
