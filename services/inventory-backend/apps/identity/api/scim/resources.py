"""What a SCIM client sees: our users and groups as resources, and what of RFC 7643 is served."""

from typing import Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Group,
    Meta,
    Patch,
    Resource,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    Sort,
    User,
)

from apps.identity.actions.scim import Person
from apps.identity.models import ScimGroup, ScimUser

BASE: Final = "/scim/v2"
MOST_RESULTS: Final = 200
# A password has no place here, nor has what nobody needs to hold stock.
_NOT_SERVED: Final = {"password", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates"}


def _user_schema() -> Schema:
    facts = User.to_schema().model_dump()
    facts["attributes"] = [each for each in facts["attributes"] if each["name"] not in _NOT_SERVED]
    return Schema.model_validate(facts)


def _group_schema() -> Schema:
    facts = Group.to_schema().model_dump()
    (members,) = (each for each in facts["attributes"] if each["name"] == "members")
    kept = [each for each in members["subAttributes"] if each["name"] in {"value", "$ref", "type"}]
    # Users only: a group in a group gives nothing that anybody could see from the group.
    only_users = {"$ref": {"referenceTypes": ["User"]}, "type": {"canonicalValues": ["User"]}}
    members["subAttributes"] = [{**each, **only_users.get(each["name"], {})} for each in kept]
    return Schema.model_validate(facts)


SCHEMAS: Final = [_user_schema(), _group_schema()]
USER: Final[Any] = Resource.from_schema(SCHEMAS[0])
GROUP: Final[Any] = Resource.from_schema(SCHEMAS[1])
RESOURCE_TYPES: Final = [ResourceType.from_resource(USER), ResourceType.from_resource(GROUP)]
SERVICE: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="The token of the account that the provider names as its SCIM client.",
            primary=True,
        )
    ],
)


def user_resource(row: ScimUser) -> Any:
    """Return a user as the client sees it."""
    resource = USER.model_validate(row.attributes)
    resource.id = str(row.pk)
    resource.user_name = row.user.username
    # Who was switched off here is shown so, whatever the client said.
    resource.active = None if resource.active is None and row.user.is_active else row.user.is_active
    resource.external_id = row.external_id or None
    groups = [
        {"value": str(each.group_id), "display": each.group.display_name, "$ref": f"{BASE}/Groups/{each.group_id}"}
        for each in row.memberships.all()
    ]
    resource.groups = type(resource).model_validate({"groups": groups}).groups if groups else None
    resource.meta = _meta("User", f"{BASE}/Users/{row.pk}", row)
    return resource


def group_resource(row: ScimGroup) -> Any:
    """Return a group as the client sees it."""
    members = [
        {"value": str(each.member_id), "$ref": f"{BASE}/Users/{each.member_id}", "type": "User"}
        for each in row.members.all()
    ]
    facts: dict[str, Any] = {"displayName": row.display_name, **({"members": members} if members else {})}
    resource = GROUP.model_validate(facts)
    resource.id, resource.external_id = str(row.pk), row.external_id or None
    resource.meta = _meta("Group", f"{BASE}/Groups/{row.pk}", row)
    return resource


def person_in(resource: Any, *, is_active: bool = True) -> Person:
    """Return what a resource says of somebody; who says nothing of `active` leaves it at `is_active`."""
    name = resource.display_name or (resource.name.formatted if resource.name else None) or ""
    attributes = resource.model_dump(exclude={"id", "meta", "groups", "external_id", "user_name"})
    return Person(
        username=resource.user_name,
        name=name[:200],
        external_id=resource.external_id or "",
        is_active=is_active if resource.active is None else resource.active,
        attributes={**attributes, "userName": resource.user_name},
    )


def _meta(kind: str, location: str, row: ScimUser | ScimGroup) -> Meta:
    return Meta(resource_type=kind, created=row.created_at, last_modified=row.updated_at, location=location)
