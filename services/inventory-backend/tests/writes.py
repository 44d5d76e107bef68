"""What a writing operation is, to the tests that count its events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from tests.answers import json_of
from tests.client import Client


@dataclass(frozen=True, kw_only=True)
class Write:
    """One operation: `prepare` makes what it needs and returns what `act` takes; `refuse` asks for what is refused."""

    action: str
    act: Callable[[Client, Any], HttpResponse]
    refuse: Callable[[Client, Any], HttpResponse]
    prepare: Callable[[Client], Any] = lambda _: None


def made_at(path: str, body: dict[str, Any]) -> Callable[[Client], Any]:
    """Return what makes one of a resource."""
    return lambda api: json_of(api.post(path, body))


def address(path: str) -> Callable[..., str]:
    """Return what names the address of one, and of a verb below it."""
    return lambda row, verb="": f"{path}/{row['id']}{verb}"


def crud(noun: str, path: str, body: dict[str, Any], patch: dict[str, Any]) -> dict[str, Write]:
    """Return the writes of a resource: create, change, delete."""
    one, made = address(path), made_at(path, body)
    return {
        f"create_{noun}": Write(
            action=f"{noun}.created",
            act=lambda api, _: api.post(path, body),
            refuse=lambda api, _: api.post(path, {**body, "surplus": 1}),
        ),
        f"change_{noun}": Write(
            action=f"{noun}.changed",
            prepare=made,
            act=lambda api, row: api.patch(one(row), patch, version=row["version"]),
            refuse=lambda api, row: api.patch(one(row), patch, version=99),
        ),
        f"delete_{noun}": Write(
            action=f"{noun}.deleted",
            prepare=made,
            act=lambda api, row: api.delete(one(row), version=row["version"]),
            refuse=lambda api, row: api.delete(one(row), version=99),
        ),
    }


def resource(noun: str, path: str, body: dict[str, Any], patch: dict[str, Any]) -> dict[str, Write]:
    """Return the writes of master data, which is archived and restored as well."""
    one, made = address(path), made_at(path, body)

    def archived(api: Client) -> Any:
        row = made(api)
        return json_of(api.post(one(row, "/archive"), None))

    return {
        **crud(noun, path, body, patch),
        f"archive_{noun}": Write(
            action=f"{noun}.archived",
            prepare=made,
            act=lambda api, row: api.post(one(row, "/archive"), None),
            refuse=lambda api, row: api.post(one(row, "/archive"), None, headers={"If-Match": '"v99"'}),
        ),
        f"restore_{noun}": Write(
            action=f"{noun}.restored",
            prepare=archived,
            act=lambda api, row: api.post(one(row, "/restore"), None),
            refuse=lambda api, row: api.post(one(row, "/restore"), None, headers={"If-Match": '"v99"'}),
        ),
    }
