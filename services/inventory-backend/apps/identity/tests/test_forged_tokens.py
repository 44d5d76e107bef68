"""Forged and misused tokens: every one is refused, and none is a fault of ours."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256, sha512
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.identity.keys import key_ring
from tests.answers import json_of
from tests.client import Client
from tests.world import PASSWORD, World

type Claims = dict[str, Any]

MINE = key_ring().newest
THEIRS = Ed25519PrivateKey.generate()
EC = generate_private_key(SECP256R1())
RSA = generate_rsa(public_exponent=65537, key_size=2048)
HEADER = {"kid": MINE.public.kid, "typ": "at+jwt"}
RAW = MINE.public.key.public_bytes(Encoding.Raw, PublicFormat.Raw)
PEM = MINE.public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(claims: Claims, key: Any = None, algorithm: str = "EdDSA", **header: Any) -> str:
    """Return a token by our own key, or by `key`; a header of None is left out."""
    headers = {name: value for name, value in {**HEADER, **header}.items() if value is not None}
    token = jwt.encode(claims, key or MINE.private, algorithm=algorithm, headers=headers)
    if header.get("typ", "") is None:
        # PyJWT writes a typ of its own where none is given.
        return by_hand({"alg": algorithm, "kid": HEADER["kid"]}, claims)
    return token


def part(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, sign: Callable[[bytes], bytes] | None = None) -> str:
    """Return a token of any header and any claims, signed by our own key unless told how."""
    content = f"{part(header)}.{part(claims)}"
    signature = MINE.private.sign(content.encode()) if sign is None else sign(content.encode())  # type: ignore[call-arg]  # an Ed25519 key here
    return f"{content}.{part(signature)}"


def hs(key: bytes, claims: Claims, how: Any = sha256, name: str = "HS256") -> str:
    return by_hand({**HEADER, "alg": name}, claims, lambda content: hmac.new(key, content, how).digest())


def without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


NOW = int(time.time())
JWK = {"kty": "OKP", "crv": "Ed25519", "x": part(THEIRS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}

FORGED: dict[str, Callable[[Claims], str]] = {
    "alg none": lambda c: by_hand({**HEADER, "alg": "none"}, c, lambda _: b""),
    "alg None": lambda c: by_hand({**HEADER, "alg": "None"}, c, lambda _: b""),
    "alg nOnE with a signature": lambda c: by_hand({**HEADER, "alg": "nOnE"}, c),
    "alg empty": lambda c: by_hand({**HEADER, "alg": ""}, c),
    "alg missing": lambda c: by_hand(HEADER, c),
    "alg a list": lambda c: by_hand({**HEADER, "alg": ["EdDSA"]}, c),
    "alg null": lambda c: by_hand({**HEADER, "alg": None}, c),
    "HS256 with the public key in PEM": lambda c: hs(PEM, c),
    "HS256 with the raw public key": lambda c: hs(RAW, c),
    "HS256 with an empty key": lambda c: hs(b"", c),
    "HS512 with the public key in PEM": lambda c: hs(PEM, c, sha512, "HS512"),
    "HS256 with the key's name": lambda c: hs(MINE.public.kid.encode(), c),
    "RS256 by a key of theirs": lambda c: signed(c, RSA, "RS256"),
    "PS256 by a key of theirs": lambda c: signed(c, RSA, "PS256"),
    "ES256 by a key of theirs": lambda c: signed(c, EC, "ES256"),
    "EdDSA by a key of theirs": lambda c: signed(c, THEIRS),
    "alg ES256 over our EdDSA": lambda c: by_hand({**HEADER, "alg": "ES256"}, c),
    "kid unknown": lambda c: signed(c, THEIRS, kid="theirs"),
    "kid unknown by our key": lambda c: signed(c, kid="another"),
    "kid missing": lambda c: by_hand({"alg": "EdDSA", "typ": "at+jwt"}, c),
    "kid empty": lambda c: signed(c, kid=""),
    "kid a number": lambda c: by_hand({**HEADER, "alg": "EdDSA", "kid": 7}, c),
    "kid a list": lambda c: by_hand({**HEADER, "alg": "EdDSA", "kid": [MINE.public.kid]}, c),
    "kid a path": lambda c: signed(c, THEIRS, kid="../../../../dev/null"),
    "kid SQL": lambda c: signed(c, THEIRS, kid="' UNION SELECT 'key"),
    "kid in capitals": lambda c: signed(c, kid=MINE.public.kid.upper()),
    "embedded jwk": lambda c: signed(c, THEIRS, jwk=JWK),
    "embedded jwk without kid": lambda c: by_hand({"alg": "EdDSA", "typ": "at+jwt", "jwk": JWK}, c, THEIRS.sign),
    "embedded jwk, by our key": lambda c: signed(c, jwk=JWK),
    "jku": lambda c: signed(c, THEIRS, jku="https://evil.example/jwks"),
    "jku, by our key": lambda c: signed(c, jku="https://evil.example/jwks"),
    "x5u": lambda c: signed(c, THEIRS, x5u="https://evil.example/cert"),
    "x5u, by our key": lambda c: signed(c, x5u="https://evil.example/cert"),
    "x5c": lambda c: signed(c, THEIRS, x5c=["MIIB"]),
    "crit unknown": lambda c: signed(c, crit=["bork"], bork=True),
    "crit empty": lambda c: signed(c, crit=[]),
    "crit b64": lambda c: by_hand({**HEADER, "alg": "EdDSA", "crit": ["b64"], "b64": False}, c),
    "crit exp": lambda c: signed(c, crit=["exp"]),
    "zip": lambda c: signed(c, zip="DEF"),
    "cty JWT": lambda c: signed(c, cty="JWT"),
    "typ JWT": lambda c: signed(c, typ="JWT"),
    "typ missing": lambda c: signed(c, typ=None),
    "typ logout+jwt": lambda c: signed(c, typ="logout+jwt"),
    "typ in full": lambda c: signed(c, typ="application/at+jwt"),
    "typ AT+JWT": lambda c: signed(c, typ="AT+JWT"),
    "iss another": lambda c: signed({**c, "iss": "https://evil.example"}),
    "iss with a slash": lambda c: signed({**c, "iss": c["iss"] + "/"}),
    "iss missing": lambda c: signed(without(c, "iss")),
    "iss a list": lambda c: by_hand({**HEADER, "alg": "EdDSA"}, {**c, "iss": [c["iss"]]}),
    "aud another": lambda c: signed({**c, "aud": "https://other.example"}),
    "aud missing": lambda c: signed(without(c, "aud")),
    "aud ours among others": lambda c: signed({**c, "aud": [c["aud"], "https://other.example"]}),
    "aud empty": lambda c: signed({**c, "aud": []}),
    "exp past by 31 seconds": lambda c: signed({**c, "exp": NOW - 31}),
    "exp now": lambda c: signed({**c, "exp": NOW}),
    "exp missing": lambda c: signed(without(c, "exp")),
    "exp text": lambda c: signed({**c, "exp": "never"}),
    "exp infinite": lambda c: by_hand({**HEADER, "alg": "EdDSA"}, {**c, "exp": float("inf")}),
    "exp in ten years": lambda c: signed({**c, "exp": NOW + 10 * 365 * 86400}),
    "exp null": lambda c: signed({**c, "exp": None}),
    "nbf ahead by a minute": lambda c: signed({**c, "nbf": c["iat"] + 60}),
    "nbf text": lambda c: signed({**c, "nbf": "tomorrow"}),
    "iat ahead by an hour": lambda c: signed({**c, "iat": NOW + 3600, "exp": NOW + 3700}),
    "iat missing": lambda c: signed(without(c, "iat")),
    "iat text": lambda c: signed({**c, "iat": "yesterday"}),
    "jti missing": lambda c: signed(without(c, "jti")),
    "jti a number": lambda c: by_hand({**HEADER, "alg": "EdDSA"}, {**c, "jti": 7}),
    "sub missing": lambda c: signed(without(c, "sub")),
    "sub no id": lambda c: signed({**c, "sub": "ada"}),
    "sub a number": lambda c: by_hand({**HEADER, "alg": "EdDSA"}, {**c, "sub": 7}),
    "sub of nobody": lambda c: signed({**c, "sub": str(uuid4())}),
    "sid missing": lambda c: signed(without(c, "sid")),
    "sid no id": lambda c: signed({**c, "sid": "x"}),
    "sid null": lambda c: signed({**c, "sid": None}),
    "sid a list": lambda c: signed({**c, "sid": [c["sid"]]}),
    "sid of no session": lambda c: signed({**c, "sid": str(uuid4())}),
    "claims a list": lambda c: by_hand({**HEADER, "alg": "EdDSA"}, [c]),
    "claims a number": lambda _: by_hand({**HEADER, "alg": "EdDSA"}, 7),
    "claims no JSON": lambda _: by_hand({**HEADER, "alg": "EdDSA"}, b"\xff\xfe"),
    "claims nested deeply": lambda _: by_hand({**HEADER, "alg": "EdDSA"}, b"[" * 5000),
    "header a list": lambda c: by_hand([HEADER], c),
    "header null": lambda c: by_hand(None, c),
    "header no JSON": lambda c: by_hand(b"{", c),
    "signature missing": lambda c: signed(c).rpartition(".")[0] + ".",
    "signature cut off": lambda c: signed(c)[:-8],
    "signature of something else": lambda c: signed(c).rpartition(".")[0] + "." + signed({**c, "x": 1}).split(".")[2],
    "payload changed": lambda c: ".".join(
        [signed(c).split(".")[0], part({**c, "sub": str(uuid4())}), signed(c).split(".")[2]]
    ),
    "two parts": lambda c: signed(c).rpartition(".")[0],
    "four parts": lambda c: signed(c) + ".x",
    "five parts, as if encrypted": lambda c: signed(c) + ".x.x",
    "dots alone": lambda _: "..",
    "no base64": lambda _: "!.!.!",
    "not ASCII": lambda _: "töken",
}


@pytest.fixture
def claims(world: World) -> Claims:
    """Return what a good token says; the test before all others is that it is good."""
    pair = json_of(Client("").post("/identity/token", {"username": "ada", "password": PASSWORD}))
    return dict(jwt.decode(pair["access"], options={"verify_signature": False}))


def test_t1_the_claims_that_are_forged_below_are_good_before(claims: Claims) -> None:
    assert Client(signed(claims)).get("/me").status_code == 200
    assert len(FORGED) >= 40


@pytest.mark.parametrize("how", FORGED)
def test_t1_a_forged_token_is_401(claims: Claims, how: str) -> None:
    answer = Client(FORGED[how](claims)).get("/me")

    assert (answer.status_code, json_of(answer)["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Basic YWRhOng=", "bearer x", "Bearer \xff", "null"]
)
def test_t1_a_malformed_authorization_is_401(header: str) -> None:
    answer = Client("").post("/ledger/transactions", {}, headers={"Authorization": header})

    assert answer.status_code == 401
