"""The service as a process of its own, over HTTP: to kill it, to fuzz it, to generate a client for it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SERVICE = Path(__file__).parents[1]
_STARTS_WITHIN_SECONDS = 300


class Server:
    """Granian on a free port, against one database."""

    def __init__(self, database_url: str, *, sso_secrets_dir: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._database_url = database_url
        # Whoever comes back from an identity provider comes back to this very port.
        self._sso = {"INVENTORY_SSO_SECRETS_DIR": str(sso_secrets_dir), "INVENTORY_JWT_ISSUER": self.url}
        if sso_secrets_dir is None:
            self._sso = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> None:
        """Start it with `settings` in its environment, and wait until it is ready."""
        serve = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "granian", *serve, "--log-level", "error", "config.wsgi:application"],
            cwd=SERVICE,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(SERVICE),
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
                "DATABASE_URL": self._database_url,
                **self._sso,
                **settings,
            },
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError(f"The server is not ready after {_STARTS_WITHIN_SECONDS} s.")

    def kill(self) -> None:
        """End it and its workers at once, as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None

    def request(
        self, method: str, path: str, body: object = None, *, token: str = "", key: str = ""
    ) -> tuple[int, Any]:
        """Return the status and the JSON body of an answer; raise OSError where none comes."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310  # http
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # our own server
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _json(refusal.read())

    def patch(self, path: str, body: object, *, token: str, match: str) -> int:
        """Return the status of a PATCH of the version that `match` names."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "If-Match": match}
        request = urllib.request.Request(  # noqa: S310  # http
            self.url + path, data=json.dumps(body).encode(), headers=headers, method="PATCH"
        )
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310  # our own server
            return int(answer.status)

    def token(self, username: str, password: str) -> str:
        """Return a fresh access token."""
        status, body = self.request("POST", "/api/v1/identity/token", {"username": username, "password": password})
        assert status == 200, body
        return str(body["access"])


def _json(content: bytes) -> Any:
    return json.loads(content) if content.startswith((b"{", b"[")) else content.decode()
