"""A browser, as a person would use it on the way to a provider and back."""

import base64
import hashlib
import html
import re
import secrets
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, override
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

import pytest


class _NoRedirect(HTTPRedirectHandler):
    @override
    def redirect_request(self, *_: Any) -> None:
        return None


class Browser:
    """Keeps cookies and follows redirects by hand, so that a test sees each."""

    def __init__(self) -> None:
        policy = DefaultCookiePolicy(secure_protocols=("https", "http"))  # as browsers do for loopback
        self._opener = build_opener(HTTPCookieProcessor(CookieJar(policy)), _NoRedirect)

    def open(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Return status, body and Location."""
        data = None if form is None else urlencode(form).encode()
        try:
            with self._opener.open(Request(url, data=data), timeout=15) as answer:  # noqa: S310  (loopback)
                return answer.status, answer.read().decode(), ""
        except HTTPError as other:
            with other:
                return other.code, other.read().decode(), other.headers.get("Location") or ""

    def follow(self, url: str, *, until: str = "never") -> tuple[str, int, str]:
        """Return address, status and body of the first answer that is no redirect, or goes to `until`."""
        for _ in range(10):
            status, body, location = self.open(url)
            if status not in {302, 303}:
                return url, status, body
            url = urljoin(url, location)
            if url.startswith(until):
                return url, status, body
        pytest.fail(f"Too many redirects, last to {url}")

    def fields(self, page: str) -> dict[str, str]:
        """Return the hidden fields of a page's form."""
        inputs = re.findall(r'name="(\w+)" value="([^"]*)"', page)
        return {name: html.unescape(value) for name, value in inputs}

    def sign_in(self, url: str, login: str, *, until: str) -> str:
        """Sign in and consent at the provider's own pages; return the address that it sends the browser back to."""
        address, _, page = self.follow(url, until=until)
        for _ in range(3):
            if address.startswith(until):
                return address
            prompt = re.search(r'name="prompt" value="(\w+)"', page)
            assert prompt is not None, page
            action = re.search(r'action="([^"]+)"', page)
            assert action is not None, page
            form = {"prompt": prompt[1], "login": login, "password": "any"}
            _, _, location = self.open(urljoin(address, html.unescape(action[1])), form)
            address, _, page = self.follow(urljoin(address, location), until=until)
        return address

    def sign_out(self, issuer: str) -> None:
        """Sign out at the provider."""
        _, _, page = self.follow(f"{issuer}/session/end")
        xsrf = re.search(r'name="xsrf" value="([^"]+)"', page)
        assert xsrf is not None, page
        status, body, _ = self.open(f"{issuer}/session/end/confirm", {"xsrf": xsrf[1], "logout": "yes"})
        assert status in {200, 302, 303}, body


def challenged() -> tuple[str, str]:
    """Return a verifier and its challenge (RFC 7636)."""
    verifier = secrets.token_urlsafe(32)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
