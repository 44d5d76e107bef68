"""Who may write entries: HMAC-SHA256 over the key and all that the entry says.

The signature covers our own encoding of what was understood, not the bytes that came: servers may re-encode an entry or
add to it (bazel-remote does), and whatever we do not understand, we do not use either. The key is in it so that an
entry cannot be served for another key.
"""

import hmac
from dataclasses import replace

from once.remote.action_result import ActionResult


def signed(result: ActionResult, *, key: str, secret: bytes) -> ActionResult:
    """Returns the result with its signature for this key (64 hex digits)."""
    return replace(result, signature=_mac(result, key, secret))


def is_signed(result: ActionResult, *, key: str, secret: bytes) -> bool:
    """Returns whether the result carries the signature of this secret for this key."""
    return hmac.compare_digest(result.signature, _mac(result, key, secret))


def _mac(result: ActionResult, key: str, secret: bytes) -> bytes:
    return hmac.digest(secret, b"once-ac-1\0" + key.encode() + b"\0" + result.unsigned(), "sha256")
