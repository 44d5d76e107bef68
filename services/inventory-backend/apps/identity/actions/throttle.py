"""How often somebody may try: per account and per network, counted in PostgreSQL, so that all processes agree.

A try is claimed before anything is checked, so of any number at once only as many as are left come through. After
the free ones each costs twice the wait of the one before, up to a bound: nobody is locked out for good.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from django.db import transaction

from apps.common.db import rows
from apps.common.errors import Throttled
from apps.identity.types import Budget
from audit import Origin

_WINDOW: Final = timedelta(hours=1)
_FIRST_WAIT_SECONDS: Final = 30
_LONGEST_WAIT_SECONDS: Final = 900
_PREFIX: Final = {4: 24, 6: 64}

# Free at once is written as free long ago: of two tries at the same time the clock of one is behind the other's.
# A row that is not free yet is not updated, and then there is nothing to return.
_CLAIM: Final = """
INSERT INTO identity_throttle AS t (digest, tries, tried_at, free_at)
VALUES (%(digest)s, 1, %(at)s, %(stale)s)
ON CONFLICT (digest) DO UPDATE SET
    tries = CASE WHEN t.tried_at < %(stale)s THEN 1 ELSE t.tries + 1 END,
    tried_at = %(at)s,
    free_at = CASE
        WHEN t.tried_at < %(stale)s OR t.tries + 1 < %(free)s THEN %(stale)s
        ELSE %(at)s + make_interval(secs => least(%(first)s * 2.0 ^ least(t.tries + 1 - %(free)s, 20), %(longest)s))
    END
WHERE t.free_at <= %(at)s
RETURNING tries
"""
_FREE_AT: Final = (
    "SELECT ceil(extract(epoch FROM free_at - %(at)s))::int FROM identity_throttle WHERE digest = %(digest)s"
)
_RETURN: Final = (
    "UPDATE identity_throttle SET tries = greatest(tries - 1, 0), free_at = %s WHERE digest = %s RETURNING 1"
)
_FORGET: Final = "DELETE FROM identity_throttle WHERE digest = %s RETURNING 1"
_SWEEP: Final = """
DELETE FROM identity_throttle WHERE digest IN (
    SELECT digest FROM identity_throttle WHERE tried_at < %s LIMIT 10 FOR UPDATE SKIP LOCKED
) RETURNING 1
"""
_IS_KNOWN: Final = """
SELECT EXISTS (
    SELECT FROM identity_session s JOIN identity_user u ON u.id = s.user_id
    WHERE upper(u.username) = upper(%s) AND s.created_at > %s AND s.ip <<= %s::inet
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    digest: bytes
    free: int


FREE: Final = 5
FULL_BUDGET: Final = Budget(limit=FREE, remaining=FREE, window_seconds=int(_WINDOW.total_seconds()), reset_seconds=0)


class TooManyTries(Throttled):
    """This account, or this network, was tried in vain too often; wait as `Retry-After` says."""

    code = "too_many_tries"
    title = "Too many tries"

    def __init__(self, budget: Budget) -> None:
        super().__init__(
            f"Try again in {budget.reset_seconds} seconds.", retry_after_seconds=max(1, budget.reset_seconds)
        )
        self.budget = budget


class Claim:
    """One try that was let through; `succeeded` gives it back."""

    def __init__(self, counters: tuple[_Counter, ...], budget: Budget) -> None:
        self._counters = counters
        self.budget = budget

    def succeeded(self, *, origin: Origin) -> None:
        """Forget the failures of this account from this network; a success is no failure of the others either."""
        self.returned(origin=origin)
        rows(_FORGET, [self._counters[-1].digest])

    def returned(self, *, origin: Origin) -> None:
        """Give the try back: nothing was checked."""
        for counter in self._counters:
            rows(_RETURN, [origin.at - _WINDOW, counter.digest])


def claim(*, kind: str, account: str, origin: Origin, free: int = FREE) -> Claim:
    """Take one of the tries that are left; `kind` is what is tried, `account` who.

    An account that strangers try from many networks stays open to a network that it was used from of late.

    Raises `TooManyTries` where none is left, and then counts nothing.
    """
    network = network_of(origin.ip)
    counters = [_counter(kind, "network", network, free=20 * free)]
    if not _is_known(account, network, origin):
        counters.append(_counter(kind, "account", _folded(account), free=4 * free))
    counters.append(_counter(kind, "both", _folded(account), network, free=free))
    # Names that do not exist leave rows too: each claim takes a few old ones away.
    rows(_SWEEP, [origin.at - _WINDOW])
    with transaction.atomic():
        # Always in this order, so that two claims never wait for each other.
        budgets = [_claimed(counter, origin) for counter in counters]
    return Claim(tuple(counters), min(budgets, key=lambda budget: budget.remaining))


def claim_of_network(*, kind: str, origin: Origin, free: int) -> Claim:
    """Take one of the tries that a network has left of what is tried for no account; raises `TooManyTries`."""
    counter = _counter(kind, "network", network_of(origin.ip), free=free)
    rows(_SWEEP, [origin.at - _WINDOW])
    return Claim((counter,), _claimed(counter, origin))


def give_back(*, kind: str, origin: Origin, free: int) -> None:
    """Give a try back to a network, since it led somewhere."""
    counter = _counter(kind, "network", network_of(origin.ip), free=free)
    rows(_RETURN, [origin.at - _WINDOW, counter.digest])


def network_of(ip: str | None) -> str:
    """Return the network that one customer of a provider has: /24 of IPv4, /64 of IPv6."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{_PREFIX[address.version]}", strict=False))


def _folded(account: str) -> str:
    # As users are looked up: what the database takes for one name has one counter.
    return account.upper()


def _counter(*parts: str, free: int) -> _Counter:
    return _Counter(digest=hashlib.sha256("\0".join(parts).encode()).digest(), free=free)


def _is_known(account: str, network: str, origin: Origin) -> bool:
    found = rows(_IS_KNOWN, [account, origin.at - timedelta(days=30), network or None])
    return bool(found[0][0])


def _claimed(counter: _Counter, origin: Origin) -> Budget:
    values = {
        "digest": counter.digest,
        "at": origin.at,
        "stale": origin.at - _WINDOW,
        "free": counter.free,
        "first": _FIRST_WAIT_SECONDS,
        "longest": _LONGEST_WAIT_SECONDS,
    }
    claimed = rows(_CLAIM, values)
    wait = rows(_FREE_AT, values)
    seconds = max(0, wait[0][0]) if wait else 0
    remaining = max(0, counter.free - claimed[0][0]) if claimed else 0
    budget = Budget(
        limit=counter.free,
        remaining=remaining,
        window_seconds=int(_WINDOW.total_seconds()),
        reset_seconds=seconds or (0 if remaining == counter.free else int(_WINDOW.total_seconds())),
    )
    if not claimed:
        raise TooManyTries(budget)
    return budget
