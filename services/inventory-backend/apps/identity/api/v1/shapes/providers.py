"""Wire shapes of identity providers, and of signing in at one."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, InstantOut, Name, instant
from apps.common.api.pages import PageQuery
from apps.identity.models import Provider
from apps.identity.providers import Check
from apps.identity.providers.oidc.settings import (
    Algorithm,
    ClientAuthentication,
)

_END = r"$(?!\n)"
ProviderCode = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?" + _END,
        max_length=32,
        extra={"hint": "1 to 32 of a-z, 0-9 and -, beginning and ending with a letter or digit"},
    ),
]
Visible = Annotated[
    str,
    Meta(pattern=r"^[!-~]+" + _END, max_length=500, extra={"hint": "1 to 500 visible ASCII characters"}),
]
Issuer = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?|urn:[!-~]+)" + _END,
        max_length=500,
        extra={"hint": "the issuer as its discovery document has it, or the entity id; at most 500 characters"},
    ),
]
SecretRef = Annotated[
    str,
    Meta(
        pattern=r"^(env:SSO_SECRET_[A-Z0-9_]{1,64}|file:[a-z0-9][a-z0-9_-]{0,63})" + _END,
        description="Where the secret is, never the secret itself.",
        extra={"hint": "env:SSO_SECRET_NAME for a variable, or file:name for a file in the folder of secrets"},
    ),
]
ClaimName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_:/.-]*" + _END, max_length=200, extra={"hint": "the name of a claim, or nothing"}),
]
Scopes = Annotated[
    list[Annotated[str, Meta(pattern=r"^[!#-\[\]-~]+" + _END, max_length=100)]],
    Meta(min_length=1, max_length=20, extra={"hint": "1 to 20 scopes"}),
]
Algorithms = Annotated[list[Algorithm], Meta(min_length=1, max_length=10, extra={"hint": "asymmetric algorithms"})]
MetadataUrl = Annotated[
    str, Meta(max_length=500, description="Where a SAML identity provider's metadata is, over https.")
]
MetadataXml = Annotated[
    str, Meta(max_length=256 * 1024, description="A SAML identity provider's metadata itself, where it has no address.")
]
Secret43 = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}" + _END,
        description="The SHA-256 of your verifier, in base64url without padding (RFC 7636, 4.2).",
        extra={"hint": "43 characters of base64url"},
    ),
]


class GroupRoleShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in `group` over there holds `role` here, from `location` downwards or everywhere."""

    group: Name
    role: Annotated[str, Meta(pattern=r"^[a-z0-9-]+" + _END, max_length=50, extra={"hint": "a role's code"})]
    location: Annotated[str, Meta(extra_json_schema={"format": "uuid"}, pattern=r"^[0-9a-f-]{36}" + _END)] | None = None


GroupRoles = Annotated[list[GroupRoleShape], Meta(max_length=200)]


class NewProvider(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /providers. What is not said of an OpenID provider comes from its discovery document.

    A SAML provider (`kind` saml) needs its entity id as `issuer`, and `metadata_url` or `metadata`; claims are then the
    names of attributes.
    """

    code: ProviderCode
    name: Name
    issuer: Issuer
    kind: Literal["oidc", "saml"] = "oidc"
    client_id: Visible | None = None
    client_authentication: ClientAuthentication | UnsetType = UNSET
    client_secret_ref: SecretRef | None = None
    scopes: Scopes | UnsetType = UNSET
    algorithms: Algorithms | UnsetType = UNSET
    metadata_url: MetadataUrl | None = None
    metadata: MetadataXml | None = None
    username_claim: ClaimName | UnsetType = UNSET
    name_claim: ClaimName | UnsetType = UNSET
    groups_claim: ClaimName = ""
    trusts_amr: bool = False
    provisions_users: bool = False
    group_roles: GroupRoles = []


class ProviderPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /providers/{code}."""

    name: Name | UnsetType = UNSET
    issuer: Issuer | UnsetType = UNSET
    client_id: Visible | UnsetType = UNSET
    client_authentication: ClientAuthentication | UnsetType = UNSET
    client_secret_ref: SecretRef | UnsetType | None = UNSET
    scopes: Scopes | UnsetType = UNSET
    algorithms: Algorithms | UnsetType = UNSET
    metadata_url: MetadataUrl | UnsetType = UNSET
    metadata: MetadataXml | UnsetType = UNSET
    username_claim: ClaimName | UnsetType = UNSET
    name_claim: ClaimName | UnsetType = UNSET
    groups_claim: ClaimName | UnsetType = UNSET
    trusts_amr: bool | UnsetType = UNSET
    provisions_users: bool | UnsetType = UNSET
    group_roles: GroupRoles | UnsetType = UNSET
    scim_client: Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}" + _END)] | UnsetType | None = UNSET


class ProviderQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /providers."""


class ProviderShape(Struct, frozen=True, kw_only=True):
    """A provider as its operator sees it; `settings` belong to its kind."""

    id: IdOut
    code: str
    name: str
    kind: str
    is_enabled: bool
    provisions_users: bool
    settings: dict[str, Any]
    group_roles: list[GroupRoleShape]
    scim_client: IdOut | None
    version: int
    created_at: InstantOut
    updated_at: InstantOut


class WayInShape(Struct, frozen=True, kw_only=True):
    """A place to sign in, for who has not done so; `start` is where to begin."""

    code: str
    name: str
    kind: str
    start: str


class WaysInShape(Struct, frozen=True, kw_only=True):
    """The places where one may sign in."""

    results: list[WayInShape]


class CheckShape(Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str


class TestedShape(Struct, frozen=True, kw_only=True):
    """Everything that was tried; `ok` if nothing is in the way of switching the provider on."""

    ok: bool
    checks: list[CheckShape]


class BeginLink(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /providers/{code}/link."""

    challenge: Secret43


class BeginProof(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /providers/{code}/proof."""

    challenge: Secret43
    return_to: Annotated[str, Meta(max_length=500)] = ""


class DepartureShape(Struct, frozen=True, kw_only=True):
    """Where to send the browser."""

    address: str


class StartQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /providers/{code}/start."""

    challenge: Secret43
    return_to: Annotated[str, Meta(max_length=500)] = ""


class HandOverCode(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /identity/token/hand-over."""

    code: Annotated[str, Meta(min_length=1, max_length=100, extra={"hint": "the code as it was handed out"})]
    verifier: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9._~-]{43,128}" + _END, extra={"hint": "43 to 128 characters (RFC 7636, 4.1)"}),
    ]


class HandedOverShape(Struct, frozen=True, kw_only=True):
    """A proven sign-in, to be traded for tokens within a minute."""

    code: str
    expires_in: int


def group_roles_in(group_roles: Iterable[GroupRoleShape]) -> list[dict[str, Any]]:
    """Return a mapping as it is stored."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(list(group_roles))
    return plain


def provider_shapes(providers: Iterable[Provider]) -> list[ProviderShape]:
    """Return providers as the API shows them."""
    return [
        ProviderShape(
            id=str(each.pk),
            code=each.code,
            name=each.name,
            kind=each.kind,
            is_enabled=each.is_enabled,
            provisions_users=each.provisions_users,
            settings=each.settings,
            group_roles=msgspec.convert(each.group_roles, list[GroupRoleShape]),
            scim_client=str(each.scim_client_id) if each.scim_client_id else None,
            version=each.version,
            created_at=instant(each.created_at),
            updated_at=instant(each.updated_at),
        )
        for each in providers
    ]


def tested_shape(checks: Iterable[Check]) -> TestedShape:
    """Return what was tried, as the API shows it."""
    shapes = [CheckShape(name=each.name, ok=each.is_ok, detail=each.detail) for each in checks]
    return TestedShape(ok=all(each.ok for each in shapes), checks=shapes)
