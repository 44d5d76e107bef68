"""How an API key is spelled, made and checked: `inv_<prefix>_<secret>`."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.conf import settings

import configs  # noqa: TC001  (annotated at run time)
from apps.identity.types import FoundKey

START: Final = "inv_"
_SPELLING: Final = re.compile(r"inv_([0-9a-f]{12})_[0-9a-f]{64}")
_DIGEST_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A new key: `text` is shown once, `prefix` and `digest` are kept."""

    text: str
    prefix: str
    digest: bytes


def make_key() -> MadeKey:
    """Return a key with 256 random bits."""
    prefix = secrets.token_hex(6)
    text = f"{START}{prefix}_{secrets.token_hex(32)}"
    return MadeKey(text=text, prefix=prefix, digest=digest_of(text))


def prefix_of(text: str) -> str | None:
    """Return the prefix that a key is found by; None for what is not spelled like a key."""
    spelled = _SPELLING.fullmatch(text)
    return spelled[1] if spelled else None


def digest_of(text: str) -> bytes:
    """Return HMAC-SHA256 over the whole key, prefix included.

    The pepper is not in the database, so whoever can write there still cannot make a key that is good.
    """
    return hmac.digest(_pepper(), text.encode(), "sha256")


def refusal_of(text: str, found: FoundKey | None, *, ip: str | None, at: datetime) -> str | None:
    """Return why a key is not good, in words for whoever holds it; None where it is.

    Who does not hold the secret learns nothing: an unknown prefix and a wrong secret read alike and cost the same.
    """
    expected = found.digest if found else bytes(_DIGEST_BYTES)
    is_right = hmac.compare_digest(digest_of(text), expected)
    if found is None or not is_right:
        return "This is not an API key of ours."
    if found.revoked_at is not None:
        return "This API key was revoked."
    if found.expires_at <= at:
        return "This API key has expired."
    if not found.is_owner_active:
        return "The owner of this API key is switched off."
    if found.networks and not is_among(ip, found.networks):
        return "This API key does not work from this address."
    return None


def is_among(ip: str | None, networks: tuple[str, ...]) -> bool:
    """Tell whether an address is in one of the networks; what is no address is in none."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in networks)


def _pepper() -> bytes:
    config: configs.Settings = settings.CONFIG
    if config.api_key_pepper is not None:
        return config.api_key_pepper.get_secret_value().encode()
    # Only dev and test come here: configs insists on a pepper in production.
    return hashlib.sha256(b"api keys" + config.secret_key.get_secret_value().encode()).digest()
