"""Time-based one-time passwords as RFC 6238 has them: HMAC-SHA-1, six digits, steps of 30 seconds."""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

_STEP_SECONDS: Final = 30
_DIGITS: Final = 6


def new_secret() -> bytes:
    """Return 160 random bits (RFC 4226, 4, R6)."""
    return secrets.token_bytes(20)


def step_at(at: datetime) -> int:
    """Return the number of the time step that `at` lies in."""
    return int(at.timestamp()) // _STEP_SECONDS


def code(secret: bytes, step: int) -> str:
    """Return the code of one time step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def matching_step(secret: bytes, given: str, *, at: datetime) -> int | None:
    """Return the time step whose code was given, this one or the one before (RFC 6238, 5.2); None for a wrong code."""
    now = step_at(at)
    matches = [step for step in (now, now - 1) if hmac.compare_digest(code(secret, step).encode(), given.encode())]
    return matches[0] if matches else None


def uri(secret: bytes, *, issuer: str, account: str) -> str:
    """Return what an authenticator app reads from a QR code (Key URI Format)."""
    query = urlencode({"secret": spelled(secret), "issuer": issuer})
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{query}"


def spelled(secret: bytes) -> str:
    """Return the secret as people type it: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")
