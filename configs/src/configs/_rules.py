"""The rules of single values. Each raises ValueError with what is wrong, never with a secret's value."""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import SecretStr, ValidationInfo

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Marks the keys in the files of dev and test, which everybody can read.
PUBLIC_KNOWLEDGE = "insecure"
_SECRET_KEY_LENGTH = 50  # as Django's `check --deploy` asks for (security.W009)
_PEPPER_LENGTH = 32
_ACCESS_TOKEN_SECONDS = 300
_SECRET_KEY_CHARACTERS = 5  # different ones; as W009 again
# The server proves who it is; "require" would encrypt for whoever answers (libpq, "SSL Mode Descriptions").
_TLS_MODES = frozenset({"verify-ca", "verify-full"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PEM_END = "-----END PUBLIC KEY-----"


def _is_strict(info: ValidationInfo) -> bool:
    # A stage that is missing or unknown may be a production that forgot to say so.
    return info.data.get("stage") not in {"dev", "test"}


def split_commas(value: object) -> object:
    """Turn `a, b` into its parts."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def split_pems(value: object) -> object:
    """Turn public keys in PEM, one after the other, into a list of them."""
    if not isinstance(value, str):
        return value
    *blocks, rest = value.split(_PEM_END)
    keys = [f"{block.strip()}\n{_PEM_END}\n" for block in blocks]
    return [*keys, rest] if rest.strip() else keys


def role_name(value: str | None) -> str | None:
    """Refuse what SET ROLE would have to quote, and read its own word for no role: none."""
    if value is None or value == "none":
        return None
    if not _ROLE.fullmatch(value):
        raise ValueError("is not the plain name of a role")
    return value


def secret_key(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """Refuse a key that production could not keep secret."""
    key = value.get_secret_value()
    # Django's own prefix marks what `startproject` wrote.
    if _is_strict(info) and key.startswith((PUBLIC_KNOWLEDGE, "django-insecure-")):
        raise ValueError("is the public key of another stage")
    if _is_strict(info) and (len(key) < _SECRET_KEY_LENGTH or len(set(key)) < _SECRET_KEY_CHARACTERS):
        raise ValueError("is too short")
    return value


def pepper(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Refuse a pepper that is known, or short, or the secret key; only dev and test may go without."""
    if value is None:
        _refuse_absence_when_strict(info)
        return None
    text = value.get_secret_value()
    if _is_strict(info) and text.startswith(PUBLIC_KNOWLEDGE):
        raise ValueError("is public knowledge")
    if len(text) < _PEPPER_LENGTH:
        raise ValueError("is too short")
    if value == info.data.get("secret_key"):
        raise ValueError("is the secret key")
    return value


def database_url(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Refuse what is not a PostgreSQL URL; only dev and test may go without."""
    if value is None:
        _refuse_absence_when_strict(info)
        return None
    try:
        parts = urlsplit(value.get_secret_value())
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("is not the URL of a PostgreSQL database")
    if _is_strict(info) and not info.data.get("database_is_local") and not _is_safe_way(parts):
        raise ValueError("asks for no TLS (sslmode=verify-full), and nothing says that the database is local")
    return value


def _is_safe_way(parts: SplitResult) -> bool:
    """Tell whether a URL leads to a socket of this machine, or asks for TLS with a server that proves its name."""
    given = parse_qs(parts.query)
    hosts = ",".join(given.get("host", [parts.hostname or ""])).split(",")
    is_socket = all(host.startswith("/") for host in hosts) and "hostaddr" not in given
    return is_socket or given.get("sslmode", [""])[-1] in _TLS_MODES


def sink(value: str | None) -> str | None:
    """Refuse what is neither a collector behind TLS nor a file."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        is_collector = bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"} and not parts.username
    except ValueError:
        raise ValueError("is not a URL") from None
    is_file = not parts.netloc and len(parts.path) > 1
    if parts.query or parts.fragment or not {"syslog+tls": is_collector, "file": is_file}.get(parts.scheme):
        raise ValueError("is neither a collector behind TLS nor a file")
    return value


def vault_problem(address: str, stage: str) -> str:
    """Return what is wrong with the address of a store of secrets, or nothing."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is not a URL"
    is_open = parts.scheme == "http" and parts.hostname not in _LOOPBACK
    return "is not https" if is_open and stage not in {"dev", "test"} else ""


def allowed_hosts(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse an empty list, and in production one that lets every host in."""
    if not value:
        raise ValueError("names no host")
    if _is_strict(info) and any("*" in host for host in value):
        raise ValueError("holds a wildcard")
    return value


def issuer(value: str, info: ValidationInfo) -> str:
    """Refuse what is not an absolute URL; production needs https (RFC 8414 section 2)."""
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an absolute URL without query and fragment")
    if _is_strict(info) and parts.scheme != "https":
        raise ValueError("is not https")
    return value


def return_urls(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse what is not an absolute URL; production needs https."""
    for each in value:
        try:
            issuer(each, info)
        except ValueError as error:
            raise ValueError(f"holds something that {error}") from None
    return value


def private_key(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Refuse a key that tokens are not signed with; only dev and test may go without."""
    if value is None:
        _refuse_absence_when_strict(info)
        return None
    return _signing_key(value)


def previous_private_key(value: SecretStr | None) -> SecretStr | None:
    """Refuse a key that tokens were never signed with."""
    return None if value is None else _signing_key(value)


def access_token_seconds(value: int, info: ValidationInfo) -> int:
    """Refuse an access token that outlives five minutes in production: nobody can take it back by itself."""
    if _is_strict(info) and value > _ACCESS_TOKEN_SECONDS:
        raise ValueError(f"is over {_ACCESS_TOKEN_SECONDS}")
    return value


def mail_url(value: SecretStr | None) -> SecretStr | None:
    """Refuse what is not the URL of a mail server; without one, letters are printed."""
    if value is None:
        return None
    try:
        parts = urlsplit(value.get_secret_value())
        is_one = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError("is not a URL") from None
    if not is_one:
        raise ValueError("is not the URL of a mail server")
    return value


def _signing_key(value: SecretStr) -> SecretStr:
    try:
        key = load_pem_private_key(value.get_secret_value().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is not an unencrypted private key in PEM") from None
    if isinstance(key, Ed25519PrivateKey):
        return value
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return value
    raise ValueError("is neither an Ed25519 nor an EC P-256 key")


def audit_key(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Refuse a key that checkpoints are not signed with (C2SP signed notes: Ed25519 alone)."""
    value = private_key(value, info)
    if value is not None and not isinstance(
        load_pem_private_key(value.get_secret_value().encode(), password=None), Ed25519PrivateKey
    ):
        raise ValueError("is not an Ed25519 key")
    return value


def audit_public_key(value: str) -> str:
    """Refuse a key that no checkpoint of ours was ever signed with."""
    if not isinstance(load_pem_public_key(public_key(value).encode()), Ed25519PublicKey):
        raise ValueError("holds a key that is not Ed25519")  # noqa: TRY004  (pydantic's way to refuse)
    return value


def public_key(value: str) -> str:
    """Refuse a key that no token of ours was ever signed with."""
    try:
        key = load_pem_public_key(value.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("holds something that is not a public key in PEM") from None
    if isinstance(key, Ed25519PublicKey):
        return value
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return value
    raise ValueError("holds a key that is neither Ed25519 nor EC P-256")


def _refuse_absence_when_strict(info: ValidationInfo) -> None:
    if _is_strict(info):
        raise ValueError("is not set")
