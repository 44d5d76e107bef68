"""Wire shapes of roles."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import Code, IdOut, InstantOut, Name, Text, instant
from apps.common.api.pages import PageQuery
from rbac.django.models import Role

RoleCode = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$(?!\n)",
        max_length=50,
        extra={"hint": "1 to 50 lower-case letters and digits, in words joined by -"},
    ),
]
PermissionCodes = Annotated[
    list[Code], Meta(max_length=200, description="Codes of permissions, such as `ledger.post`.")
]


class NewRole(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /identity/roles."""

    code: RoleCode
    name: Name
    permissions: PermissionCodes


class RolePatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /identity/roles/{id}; the code is fixed."""

    name: Name | UnsetType = UNSET
    permissions: PermissionCodes | UnsetType = UNSET


class RoleQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /identity/roles; `permission` finds the roles that allow it."""

    code: list[Text] | UnsetType = UNSET
    permission: Text | UnsetType = UNSET
    is_builtin: bool | UnsetType = UNSET


class RoleShape(Struct, frozen=True, kw_only=True):
    """A role; the built-in ones belong to the program."""

    id: IdOut
    code: str
    name: str
    permissions: list[str]
    is_builtin: bool
    version: int
    created_at: InstantOut
    updated_at: InstantOut


def role_shapes(roles: Sequence[Role]) -> list[RoleShape]:
    """Return roles as the API shows them."""
    return [
        RoleShape(
            id=str(role.pk),
            code=role.code,
            name=role.name,
            permissions=sorted(role.permissions),
            is_builtin=role.is_builtin,
            version=role.version,
            created_at=instant(role.created_at),
            updated_at=instant(role.updated_at),
        )
        for role in roles
    ]
