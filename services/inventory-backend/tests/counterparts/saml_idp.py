"""A SAML identity provider on loopback, of pysaml2: `python saml_idp.py PORT BASE_OF_OUR_ADDRESSES`.

It runs in an environment of its own. Whoever names themselves signs in; some names are answered badly.
"""

import datetime as dt
import html
import shutil
import sys
import tempfile
import urllib.request
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT  # type: ignore[import-not-found]  # another environment
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT  # type: ignore[import-not-found]  # as above
from saml2.config import IdPConfig  # type: ignore[import-not-found]  # as above
from saml2.metadata import entity_descriptor  # type: ignore[import-not-found]  # as above
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT  # type: ignore[import-not-found]  # as above
from saml2.samlp import NameIDPolicy  # type: ignore[import-not-found]  # as above
from saml2.server import Server  # type: ignore[import-not-found]  # as above
from saml2.xmldsig import (  # type: ignore[import-not-found]  # as above
    DIGEST_SHA1,
    DIGEST_SHA256,
    SIG_RSA_SHA1,
    SIG_RSA_SHA256,
)

PORT, OURS = int(sys.argv[1]), sys.argv[2]
BASE = f"http://127.0.0.1:{PORT}"
FOLDER = Path(tempfile.mkdtemp())
GROUPS = {"ada": ["pickers"]}
GOOD = {"sign_assertion": True, "sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256}
BAD: dict[str, dict[str, Any]] = {
    "unsigned": {"sign_assertion": False, "sign_response": False},
    "outside": {"sign_assertion": False, "sign_response": True},
    "sha1": {"sign_alg": SIG_RSA_SHA1, "digest_alg": DIGEST_SHA1},
    "destination": {"destination": "https://another.example.com/acs"},
    "request": {"in_response_to": "_another"},
    "transient": {"name_id_policy": NameIDPolicy(format=NAMEID_FORMAT_TRANSIENT)},
}


def make_key() -> None:
    """Write a key and its certificate."""
    key, now = rsa.generate_private_key(65537, 2048), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    certificate = builder.public_key(key.public_key()).sign(key, SHA256())
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (FOLDER / "key.pem").write_bytes(plain)
    (FOLDER / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def config(*ours: str) -> IdPConfig:
    """Return the identity provider's configuration, with our metadata."""
    service = {
        "endpoints": {"single_sign_on_service": [(f"{BASE}/sso", BINDING_HTTP_REDIRECT)]},
        "name_id_format": [NAMEID_FORMAT_PERSISTENT],
        "policy": {
            "default": {
                "lifetime": {"minutes": 5},
                "attribute_restrictions": None,
                "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            }
        },
    }
    return IdPConfig().load(
        {
            "entityid": f"{BASE}/metadata",
            "xmlsec_binary": shutil.which("xmlsec1"),
            "key_file": str(FOLDER / "key.pem"),
            "cert_file": str(FOLDER / "cert.pem"),
            "service": {"idp": service},
            "metadata": {"inline": list(ours)},
        }
    )


@cache
def server() -> Server:
    """Return the identity provider, which has read our metadata."""
    with urllib.request.urlopen(f"{OURS}/metadata", timeout=30) as answer:  # noqa: S310  (loopback)
        return Server(config=config(answer.read().decode()))


def response(form: dict[str, str]) -> str:
    """Return the page that posts a response."""
    request = server().parse_authn_request(form["SAMLRequest"], BINDING_HTTP_REDIRECT).message
    # Where to, and for whom, is what our metadata says.
    wanted = server().response_args(request, [BINDING_HTTP_POST])
    destination, login = wanted["destination"], form["login"]
    options = {name: wanted[name] for name in ("in_response_to", "sp_entity_id", "name_id_policy", "destination")}
    options |= {**GOOD, **BAD.get(login, {})}
    made = server().create_authn_response(
        {"uid": [f"{login}.elsewhere"], "displayName": [f"{login} elsewhere"], "isMemberOf": GROUPS.get(login, [])},
        userid=login,
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": BASE},
        **options,
    )
    posted = server().apply_binding(
        BINDING_HTTP_POST, str(made), destination, relay_state=form["RelayState"], response=True
    )
    return str(posted["data"])


class Handler(BaseHTTPRequestHandler):
    """GET /metadata, GET /sso with a form, POST /sso."""

    def do_GET(self) -> None:
        """Answer with metadata, or ask who it is."""
        parts = urlsplit(self.path)
        if parts.path == "/metadata":
            self._answer(str(entity_descriptor(config())))
            return
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        hidden = "".join(f'<input name="{name}" value="{html.escape(value)}">' for name, value in given.items())
        self._answer(f'<form method="post" action="/sso">{hidden}<input name="login"></form>')

    def do_POST(self) -> None:
        """Sign in."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(response({name: values[0] for name, values in parse_qs(body).items()}))

    def _answer(self, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if "<form" in text else "application/samlmetadata+xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    make_key()
    with HTTPServer(("127.0.0.1", PORT), Handler) as listening:
        print("ready", flush=True)  # noqa: T201  (the test waits for it)
        listening.serve_forever()
