"""An OpenID provider on loopback that signs whatever a test wants: honest unless told otherwise."""

import base64
import hmac
import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, override
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

CLIENT = "inventory"
SECRET = "a secret of the client"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
with warnings.catch_warnings(action="ignore"):  # the library says what we know
    WEAK_RSA = RSAKey.generate_key(1024, {"kid": "weak", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"})
FOR_ENCRYPTION = RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "rsa"})
ALL = ["HS256", "HS384", "HS512", "RS256", "RS384", "PS256", "ES256", "Ed25519", "none"]

type Claims = dict[str, Any]


@dataclass
class Forged:
    """What the provider is to answer: claims, the header, the key, and the final touch on the text."""

    claims: Claims
    header: dict[str, Any]
    key: Key | bytes = field(default_factory=lambda: RSA)
    access_token: object = "an access token"
    token_type: object = "Bearer"
    touch: Callable[[str], object] = str

    def text(self) -> object:
        """Return the token."""
        header = {name: value for name, value in self.header.items() if value is not None}
        payload = json.dumps(self.claims).encode()
        if str(header.get("alg")).lower() == "none":
            return self.touch(f"{_encoded(json.dumps(header).encode())}.{_encoded(payload)}.")
        if isinstance(self.key, bytes) or header.get("alg") not in {"PS256", "RS384", "ES256", "Ed25519"}:
            return self.touch(_by_hand(header, payload, self.key))
        registry = jws.JWSRegistry(algorithms=ALL, strict_check_header=False)
        return self.touch(jws.serialize_compact(header, payload, self.key, registry=registry))


def _by_hand(header: Mapping[str, Any], payload: bytes, key: Key | bytes) -> str:
    """Sign what the library would not: a header with extensions, a key for encryption, a public key as a secret."""
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(payload)}"
    if isinstance(key, bytes):
        return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), 'sha256'))}"
    private: Any = key.private_key
    return f"{signed}.{_encoded(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class Hostile:
    """The provider: `metadata` is laid over its document, `keys` are what it publishes, `answers` counts requests."""

    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=lambda: [RSA, EC, ED, WEAK_RSA, FOR_ENCRYPTION])
    reply: Callable[[], tuple[int, bytes]] | None = None
    token: Callable[[], Mapping[str, object]] = dict
    requests: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start it on a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def honest(self, *, nonce: str, subject: str = "ada-over-there", **claims: Any) -> Forged:
        """Return a token that is right in every way."""
        now = int(time.time())
        return Forged(
            claims={
                "iss": self.issuer,
                "sub": subject,
                "aud": CLIENT,
                "exp": now + 300,
                "iat": now,
                "nonce": nonce,
                "preferred_username": "ada.over.there",
                "name": "Ada Elsewhere",
                **claims,
            },
            header={"alg": "RS256", "kid": "rsa", "typ": "JWT"},
        )

    def logout(self, *, subject: str | None, session: str | None, jti: str = "one") -> Forged:
        """Return a logout token that is right in every way."""
        now = int(time.time())
        events: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
        named = {name: value for name, value in (("sub", subject), ("sid", session)) if value}
        return Forged(
            claims={"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": jti, "events": events}
            | named,
            header={"alg": "RS256", "kid": "rsa", "typ": "logout+jwt"},
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _answer(self, body: str) -> None:
                path = urlsplit(self.path).path
                provider.requests.append((path, parse_qs(body), self.headers.get("Authorization", "")))
                status, content = provider.answer(path)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{provider.issuer}/keys")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a request."""
        if path == "/token":
            return self.reply() if self.reply else (200, json.dumps(dict(self.token())).encode())
        if path == "/keys":
            return 200, json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()
        if path == "/.well-known/openid-configuration":
            facts = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
            return 200, json.dumps(facts | self.metadata).encode()
        return 404, b"{}"


def public_as_secret(key: RSAKey) -> bytes:
    """Return a public key's PEM as a shared secret: the confusion of CVE-2022-29217."""
    return key.as_pem(private=False)
