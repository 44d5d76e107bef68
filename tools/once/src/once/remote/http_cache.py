"""Bazel's HTTP cache protocol, as bazel-remote, nginx with WebDAV and others serve it.

Source: https://bazel.build/remote/caching#http-caching
"""

import ssl
from base64 import b64encode
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from urllib.parse import unquote, urlsplit

from once.remote.cache import Refused, RemoteStore, Unreachable

_NOT_FOUND = 404
# Bodies up to here are read to their end even if nobody wants them, so that the connection can be used again.
_DRAINED = 64 * 2**10


class HttpCache(RemoteStore):
    """A remote at an address; https where the address names no scheme, certificates are verified.

    Connections are kept and used again. Redirects are not followed: nobody's credentials leave the host they are for.

    Args:
        url: `https://user:password@host:port/instance`; user and password become basic authorization.
        readonly: see RemoteStore.
        secret: see RemoteStore.
        timeout: seconds that connecting, or a single wait for bytes, may take.
        token: bearer authorization, in place of user and password.

    Raises:
        ValueError: the address or the token is none.
    """

    def __init__(
        self, url: str, *, readonly: bool, secret: bytes | None, timeout: float, token: str | None = None
    ) -> None:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("ONCE_REMOTE is no address such as https://cache.example/instance")
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        super().__init__(name=address, readonly=readonly, secret=secret)
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._encrypted = parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        self._headers = {"User-Agent": "once"} | _authorization(parts.username, parts.password, token)
        # The one used last is on top: it is the least likely to have been closed by the server.
        self._idle: list[HTTPConnection] = []

    def close(self, *, seconds: float = 5.0) -> None:
        """See RemoteStore; then closes the connections."""
        super().close(seconds=seconds)
        while (connection := self._pop_idle()) is not None:
            connection.close()

    def _read(self, path: str, *, limit: int) -> bytes | None:
        return self._request("GET", path, limit=limit)

    def _write(self, path: str, data: bytes) -> None:
        self._request("PUT", path, body=data)

    def _request(self, method: str, path: str, *, body: bytes | None = None, limit: int = 0) -> bytes | None:
        try:
            return self._answer(method, path, body, limit)
        except (OSError, HTTPException, ValueError) as cause:
            raise Unreachable(f"{method} fails ({type(cause).__name__}: {cause})") from cause

    def _answer(self, method: str, path: str, body: bytes | None, limit: int) -> bytes | None:
        while (connection := self._pop_idle()) is not None:
            try:
                return self._exchange(connection, method, path, body, limit)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                continue  # Servers close connections that were idle for a while; GET and PUT may be sent twice.
        return self._exchange(self._connection(), method, path, body, limit)

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None, limit: int
    ) -> bytes | None:
        reusable = False
        try:
            connection.request(method, f"{self._path}/{path}", body, self._headers)
            response = connection.getresponse()
            data = response.read(max(limit, _DRAINED) + 1)
            if response.length and len(data) <= limit:
                raise IncompleteRead(data, response.length)
            reusable = response.isclosed() and not response.will_close
        finally:
            if reusable:
                self._idle.append(connection)
            else:
                connection.close()
        if 200 <= response.status < 300:  # noqa: PLR2004 -- 2xx is success
            return data
        if method == "GET" and response.status == _NOT_FOUND:
            return None
        raise Refused(f"{method} is answered with {response.status} {response.reason}")

    def _connection(self) -> HTTPConnection:
        if self._encrypted:
            return HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
        return HTTPConnection(self._host, self._port, timeout=self._timeout)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reads all certificates of the system, which takes longer than the rest of a run in which nothing is asked for.
        return ssl.create_default_context()

    def _pop_idle(self) -> HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


def _authorization(user: str | None, password: str | None, token: str | None) -> dict[str, str]:
    if token is not None:
        if not token.isascii() or not token.isprintable():
            raise ValueError("ONCE_REMOTE_TOKEN is no bearer token: it holds characters that no header may")
        return {"Authorization": f"Bearer {token}"}
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
