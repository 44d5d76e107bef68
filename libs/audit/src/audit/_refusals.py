"""What is told of requests that were refused: they change nothing, and somebody should know."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

AUTHENTICATION_FAILED: Final = "authentication.failed"
AUTHORIZATION_FAILED: Final = "authorization.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One request that was refused: what it asked for, the answer's status and code, and why.

    `reason` may say more than the answer did. `account_id` is whose account was tried, where that is known; who asked,
    when and from where is the origin's to say.
    """

    action: str
    operation: str
    status: int
    code: str
    reason: str
    account_id: UUID | None = None
