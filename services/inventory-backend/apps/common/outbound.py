"""The one way out of the service over HTTP (F4 of the security checklist: OWASP API7, ASVS V13.2.4, V15.3.2).

https only, no redirects, no proxies of the environment; a name is resolved once and every address that it has must be
public; size and time are capped over the whole exchange. On a developer's machine and in tests loopback may be
called, without TLS as well.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, override
from urllib.parse import urlsplit

import httpcore
import msgspec
from django.conf import settings

import configs  # noqa: TC001  (annotated at run time)
from apps.common.errors import Busy

# As many names at once as are waited for; one that never answers ends with the resolver's own patience.
_resolvers: Final = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class OutboundFailed(Busy):
    """Another service could not be asked, or its answer could not be taken."""

    code = "outbound_failed"
    title = "Another service does not answer as it should"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What another service answered."""

    status: int
    content: bytes

    def json(self) -> dict[str, object]:
        """Return the body, which must be one JSON object; raises `OutboundFailed`."""
        try:
            return msgspec.json.decode(self.content, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise OutboundFailed("The answer is not a JSON object.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A client with its limits: `seconds` for a whole exchange, `largest` for a body in bytes.

    `private_hosts` may have private addresses, for services in one's own network.
    """

    allows_loopback: bool = False
    private_hosts: frozenset[str] = frozenset()
    seconds: float = 10.0
    largest: int = 512 * 1024
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET a URL; raises `OutboundFailed` whatever stands in the way."""
        return self._send("GET", url, headers or {}, b"")

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """POST a body; raises `OutboundFailed` whatever stands in the way."""
        return self._send("POST", url, headers, content)

    def refuse_unless_allowed(self, url: str) -> str:
        """Return the host of a URL that may be called; raises `OutboundFailed` for any other."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise OutboundFailed("That is not a URL.") from error
        is_odd = not host or parts.username is not None or parts.fragment or not url.isascii() or not url.isprintable()
        if is_odd or " " in url:
            raise OutboundFailed("That is not the plain URL of a host.")
        is_near = self.allows_loopback and host in _LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
            raise OutboundFailed("Only https is called.")
        return host

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        host = self.refuse_unless_allowed(url)
        network = _Guarded(
            deadline=time.monotonic() + self.seconds,
            allows_loopback=self.allows_loopback and host in _LOOPBACK,
            allows_private=host in self.private_hosts,
        )
        length = {"Content-Length": str(len(content))} if content else {}
        sent = {"Host": urlsplit(url).netloc, "Accept": "application/json", **headers, **length}
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self.tls, network_backend=network) as pool,
                pool.stream(method, url, headers=list(sent.items()), content=content) as answer,
            ):
                if 300 <= answer.status < 400:  # noqa: PLR2004  (the class of redirects, RFC 9110, 15.4)
                    raise OutboundFailed(f"{host} answers with a redirect, which is not followed.")
                return Reply(status=answer.status, content=self._capped(host, answer.iter_stream()))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise OutboundFailed(f"{host} does not answer as it should ({type(error).__name__}).") from error

    def _capped(self, host: str, chunks: Iterable[bytes]) -> bytes:
        content = b""
        for chunk in chunks:
            content += chunk
            if len(content) > self.largest:
                raise OutboundFailed(f"The answer of {host} is over {self.largest} bytes.")
        return content


def outbound() -> Outbound:
    """Return the client with the limits of this deployment."""
    config: configs.Settings = settings.CONFIG
    return Outbound(
        allows_loopback=config.stage in {"dev", "test"}, private_hosts=frozenset(config.outbound_private_hosts)
    )


class _Guarded(httpcore.NetworkBackend):
    """Connects to an address that it has looked at itself: a name that is asked twice could answer otherwise."""

    def __init__(self, *, deadline: float, allows_loopback: bool, allows_private: bool) -> None:
        self._deadline = deadline
        self._allows_loopback = allows_loopback
        self._allows_private = allows_private

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        found = _addresses(host, port, self._deadline)
        if not found or not all(map(self._is_allowed, found)):
            raise OutboundFailed(f"{host} has an address that is not public.")
        address = min(found, key=lambda text: (":" in text, text))  # IPv4 first: it is routed everywhere
        stream = httpcore.SyncBackend().connect_tcp(address, port, _left(self._deadline), local_address, socket_options)
        return _Timed(stream, self._deadline)

    def _is_allowed(self, text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback:
            return self._allows_loopback
        is_never = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
        return not is_never and (address.is_global or self._allows_private)


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends at one deadline: an answer of one byte a second ends there, too."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Timed(stream, self._deadline)

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, deadline: float) -> set[str]:
    """Return what a name resolves to; the resolver knows no deadline, so it is waited for in another thread."""
    asked = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        answer = asked.result(timeout=_left(deadline))
    except TimeoutError as error:
        asked.cancel()
        raise httpcore.ConnectTimeout("The name was not resolved in time.") from error
    return {str(entry[4][0]) for entry in answer}


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The time for the whole exchange is over.")
    return left
