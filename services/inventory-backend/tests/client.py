"""A client of the API inside the test's process: JSON in, JSON out, a new retry key for each POST."""

from collections.abc import Mapping
from typing import Any, Self
from uuid import uuid4

import msgspec
from django.http import HttpResponse
from rest_framework.test import APIClient


class Client:
    """Requests under `/api/v1`, as one user."""

    def __init__(self, token: str) -> None:
        self._http = APIClient(raise_request_exception=True)
        self._token = token

    @classmethod
    def signed_in(cls, username: str, password: str) -> Self:
        """Return a client with a fresh access token."""
        anonymous = cls("")
        answer = anonymous.post("/identity/token", {"username": username, "password": password})
        assert answer.status_code == 200, answer.content
        return cls(msgspec.json.decode(answer.content)["access"])

    def get(self, path: str, **query: Any) -> HttpResponse:
        """GET a path."""
        answer: HttpResponse = self._http.get(f"/api/v1{path}", query, headers=self._headers({}))
        return answer

    def post(
        self, path: str, body: object, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """POST a body, under a key of its own unless one is given."""
        given = {"Idempotency-Key": key or str(uuid4()), **(headers or {})}
        content = msgspec.json.encode(body)
        answer: HttpResponse = self._http.post(
            f"/api/v1{path}", content, content_type="application/json", headers=self._headers(given)
        )
        return answer

    def patch(self, path: str, body: object, *, version: int | None = None) -> HttpResponse:
        """PATCH a path with If-Match for a version, or without."""
        content = msgspec.json.encode(body)
        answer: HttpResponse = self._http.patch(
            f"/api/v1{path}", content, content_type="application/json", headers=self._headers(_if_match(version))
        )
        return answer

    def delete(self, path: str, *, version: int | None = None) -> HttpResponse:
        """DELETE a path with If-Match for a version, or without."""
        answer: HttpResponse = self._http.delete(f"/api/v1{path}", headers=self._headers(_if_match(version)))
        return answer

    def _headers(self, given: Mapping[str, str]) -> dict[str, str]:
        return {**given, **({"Authorization": f"Bearer {self._token}"} if self._token else {})}


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"v{version}"'}
