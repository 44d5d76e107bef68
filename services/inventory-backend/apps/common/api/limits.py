"""How often somebody may ask: per network for every request, per principal once it is known who asks.

The counters are this process's own, so that no request waits for the database to be counted. The answers tell the
quota and what is left of it (draft-ietf-httpapi-ratelimit-headers).
"""

import ipaddress
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final, override

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

import configs
from apps.common.api.errors import problem

_MOST_KEYS: Final = 100_000
# A provider hands a customer a network of this many bits, each address of which is theirs.
_IPV6_NETWORK_BITS: Final = 64
# An orchestrator asks often, and must not be told that it asks too often.
_UNCOUNTED: Final = frozenset({"/livez", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`quota` requests in a window of `seconds`."""

    name: str
    quota: int
    seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one request is let through, what is left, and how long until it was as if none had been made.

    `wait` is how many seconds a refused one should wait.
    """

    policy: Policy
    is_allowed: bool
    remaining: int
    reset: int
    wait: int = 0


class Counters:
    """The generic cell rate algorithm: one instant for each key says how much of its quota is used up."""

    def __init__(self, policy: Policy, *, most_keys: int = _MOST_KEYS) -> None:
        self.policy = policy
        self._most_keys = most_keys
        self._used_until: dict[str, float] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._used_until)

    def take(self, key: str, *, now: float) -> Verdict:
        """Count one request at `now`, in seconds of any clock that never goes back."""
        window, interval = self.policy.seconds, self.policy.seconds / self.policy.quota
        with self._lock:
            used_until = max(now, self._used_until.get(key, now))
            after = used_until + interval
            # A thousandth of a request is no request: sums of intervals are not exact.
            is_allowed = after - now <= window + interval / 1000
            if is_allowed:
                self._used_until[key] = used_until = after
                if len(self._used_until) > self._most_keys:
                    self._forget(now)
        left = math.floor((window - (used_until - now)) / interval + 1 / 1000)
        return Verdict(
            policy=self.policy,
            is_allowed=is_allowed,
            remaining=max(0, left),
            reset=math.ceil(used_until - now),
            wait=0 if is_allowed else math.ceil(after - window - now),
        )

    def _forget(self, now: float) -> None:
        busy = {key: until for key, until in self._used_until.items() if until > now}
        # Whoever fills the table with networks of their own gains a fresh quota, but not our memory.
        self._used_until = busy if len(busy) <= self._most_keys // 2 else {}


_config: configs.Settings = settings.CONFIG
_networks = Counters(Policy(name="network", quota=_config.network_requests_per_minute))
_principals = Counters(Policy(name="principal", quota=_config.principal_requests_per_minute))


class RateLimit:
    """Middleware: refuse a network that asks too often, and tell every answer's reader what is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        if request.path in _UNCOUNTED:
            return self.get_response(request)
        verdict = _networks.take(network_of(getattr(request, "client_ip", None)), now=time.monotonic())
        _note(request, verdict)
        response = self.get_response(request) if verdict.is_allowed else _refused(request, verdict)
        told: list[Verdict] = vars(request)["rate_limits"]
        _add(response, "RateLimit-Policy", (f'"{v.policy.name}";q={v.policy.quota};w={v.policy.seconds}' for v in told))
        _add(response, "RateLimit", (f'"{v.policy.name}";r={v.remaining};t={v.reset}' for v in told))
        return response


class PerPrincipal(BaseThrottle):
    """Refuse a principal that asks too often, from however many networks."""

    @override
    def allow_request(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return True
        self._verdict = _principals.take(str(request.user.pk), now=time.monotonic())
        _note(request._request, self._verdict)  # noqa: SLF001  (the request that the middleware sees)
        return self._verdict.is_allowed

    @override
    def wait(self) -> float | None:
        return self._verdict.wait


def network_of(address: str | None) -> str:
    """Return what is counted together: an IPv4 address, or the /64 that an IPv6 address lies in."""
    if address is None:
        return ""
    network = ipaddress.ip_network(address).supernet(new_prefix=_IPV6_NETWORK_BITS) if ":" in address else address
    return str(network)


def _note(request: HttpRequest, verdict: Verdict) -> None:
    vars(request).setdefault("rate_limits", []).append(verdict)


def _refused(request: HttpRequest, verdict: Verdict) -> HttpResponse:
    response = problem(request, 429, code="throttled", detail=f"Too many requests. Wait {verdict.wait} seconds.")
    response["Retry-After"] = str(verdict.wait)
    return response


def _add(response: HttpResponse, name: str, items: Iterable[str]) -> None:
    """Append to a list that a view may have begun with a policy of its own."""
    parts = [*([response[name]] if name in response else []), *items]
    response[name] = ", ".join(parts)
