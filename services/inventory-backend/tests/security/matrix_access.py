"""What can be done to groups, roles, providers, sessions and the trail, which lie nowhere; and to one's own account."""

from typing import Any, Final

from tests.security.matrix import PLACELESS, Action, Rule
from tests.security.matrix_people import asks

_ROLE: Final = "/identity/roles/{ROLE}"
_GROUP: Final = "/identity/groups/{GROUP}"
_PROVIDER: Final = "/identity/providers/{PROVIDER}"
_USERS: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUPS: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
_OF_ALL: Final = "403 beyond_own_grants"  # what concerns everybody is changed by who holds the permission everywhere


def _action(name: str, make: Any, answers: dict[str, str], **rule: Any) -> Action:
    return Action(name=name, make=make, rule=Rule(answers=answers, **rule), relations=PLACELESS)


def _sees(name: str, path: str, *states: str, needs: str) -> Action:
    return _action(name, asks("GET", path), dict.fromkeys(states, "200"), needs=needs)


def _changes(name: str, method: str, path: str, body: Any, answers: dict[str, str], **more: Any) -> Action:
    return _action(name, asks(method, path, body), answers, reach="everywhere", **more)


_USE: Final = {"needs": "identity.manage_users", "beyond": _OF_ALL}
_COMPOSE: Final = {"needs": "identity.manage_roles", "beyond": _OF_ALL}
GROUPS: Final = (
    _sees("group.read", _GROUP, "empty", "used", needs="identity.view_users"),
    _sees("group.list", "/identity/groups", "empty", "used", needs="identity.view_users"),
    _sees("group.members", f"{_GROUP}/members", "empty", "used", needs="identity.view_users"),
    _changes("group.create", "POST", "/identity/groups", {"code": "new", "name": "New"}, {"free": "201"}, **_USE),
    _changes("group.rename", "PATCH", _GROUP, {"name": "Renamed"}, {"empty": "200", "used": "200"}, **_USE),
    _changes("group.delete", "DELETE", _GROUP, None, {"empty": "204", "used": "409 in_use"}, **_USE),
    _changes(
        "group.add_member",
        "POST",
        f"{_GROUP}/members",
        {"user": "{NEWCOMER}"},
        {"empty": "201", "used": "409 already_member"},
        **_USE,
    ),
    _changes(
        "group.remove_member",
        "DELETE",
        f"{_GROUP}/members/{{NEWCOMER}}",
        None,
        {"empty": "404 not_found", "used": "204"},
        **_USE,
    ),
)
# A built-in role belongs to the program, whoever asks.
_BUILTIN: Final = {"regardless": frozenset({"builtin"}), **_COMPOSE}
ROLES: Final = (
    _sees("role.read", _ROLE, "composed", "bound", "builtin", needs="identity.view_roles"),
    _sees("role.list", "/identity/roles", "composed", "bound", "builtin", needs="identity.view_roles"),
    _changes(
        "role.create",
        "POST",
        "/identity/roles",
        {"code": "new", "name": "New", "permissions": ["ledger.view"]},
        {"free": "201"},
        **_COMPOSE,
    ),
    _changes(
        "role.widen",
        "PATCH",
        _ROLE,
        {"permissions": ["ledger.post", "ledger.view"]},
        {"composed": "200", "bound": "200", "builtin": "409 builtin_role"},
        **_BUILTIN,
    ),
    _changes(
        "role.delete",
        "DELETE",
        _ROLE,
        None,
        {"composed": "204", "bound": "409 in_use", "builtin": "409 builtin_role"},
        **_BUILTIN,
    ),
)
_LET_IN: Final = {"needs": "identity.manage_providers", "reach": "everywhere", "beyond": "403 permission_denied"}
_NEW_PROVIDER: Final = {
    "code": "new",
    "name": "New",
    "issuer": "https://login.example.com",
    "client_id": "inventory",
    "client_secret_ref": "env:SSO_SECRET_NEW",
}
PROVIDERS: Final = (
    _action("provider.list", asks("GET", "/identity/providers"), {"off": "200", "on": "200"}, **_LET_IN),
    _action("provider.read", asks("GET", _PROVIDER), {"off": "200", "on": "200"}, **_LET_IN),
    _action("provider.create", asks("POST", "/identity/providers", _NEW_PROVIDER), {"free": "201"}, **_LET_IN),
    _action("provider.rename", asks("PATCH", _PROVIDER, {"name": "Renamed"}), {"off": "200", "on": "200"}, **_LET_IN),
    _action(
        "provider.name_client",
        asks("PATCH", _PROVIDER, {"scim_client": "{NEWCOMER}"}),
        {"off": "200", "on": "200"},
        **_LET_IN,
    ),
    _action("provider.delete", asks("DELETE", _PROVIDER), {"off": "409 in_use", "on": "409 in_use"}, **_LET_IN),
    _action(
        "provider.delete_unused",
        asks("DELETE", "/identity/providers/{UNUSED}"),
        {"off": "204", "on": "409 in_use"},
        **_LET_IN,
    ),
    _action("provider.enable", asks("POST", f"{_PROVIDER}/enable"), {"off": "409 not_tested"}, **_LET_IN),
    _action("provider.disable", asks("POST", f"{_PROVIDER}/disable"), {"off": "200", "on": "200"}, **_LET_IN),
)
_TRAIL: Final = {"needs": "audit.view", "reach": "everywhere"}
SESSIONS_AND_TRAIL: Final = (
    _action(
        "session.list_of",
        asks("GET", "/identity/sessions?user={NEWCOMER}"),
        {"any": "200"},
        needs="identity.view_users",
        reach="everywhere",
        beyond="403 permission_denied",
    ),
    _action(
        "session.end_of",
        asks("DELETE", "/identity/sessions/{SESSION}"),
        {"any": "204"},
        needs="identity.manage_users",
        reach="everywhere",
        lacking="404 not_found",
    ),
    _action("audit.list", asks("GET", "/audit/events"), {"any": "200"}, **_TRAIL),
    _action("audit.verify", asks("GET", "/audit/verify"), {"any": "200"}, **_TRAIL),
    _action("audit.prove", asks("GET", "/audit/events/{EVENT}/proof"), {"unsealed": "409 not_sealed"}, **_TRAIL),
)


def _scim(name: str, method: str, path: str, body: Any = None, *, answer: str = "200") -> Action:
    """Return an action of a provider's client with a key that was made for it: whoever else asks is refused."""
    answers = {"key": answer, "client": "403", "other": "403"}
    rule = {"needs": "identity.scim", "reach": "everywhere", "lacking": "403", "beyond": "403"}
    return _action(f"scim.{name}", asks(method, f"/scim/v2{path}", body), answers, **rule)


_RENAMED: Final = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "displayName", "value": "Renamed"}],
}
SCIM: Final = (
    _scim("describe", "GET", "/ServiceProviderConfig"),
    _scim("list_users", "GET", "/Users"),
    _scim("create_user", "POST", "/Users", {"schemas": [_USERS], "userName": "new"}, answer="201"),
    _scim("read_user", "GET", "/Users/{SCIM-USER}"),
    _scim("replace_user", "PUT", "/Users/{SCIM-USER}", {"schemas": [_USERS], "userName": "renamed"}),
    _scim("change_user", "PATCH", "/Users/{SCIM-USER}", _RENAMED),
    _scim("remove_user", "DELETE", "/Users/{SCIM-USER}", answer="204"),
    _scim("list_groups", "GET", "/Groups"),
    _scim("create_group", "POST", "/Groups", {"schemas": [_GROUPS], "displayName": "new"}, answer="201"),
    _scim("read_group", "GET", "/Groups/{SCIM-GROUP}"),
    _scim("change_group", "PATCH", "/Groups/{SCIM-GROUP}", _RENAMED),
    _scim("remove_group", "DELETE", "/Groups/{SCIM-GROUP}", answer="204"),
    # What another provider made does not exist for this one.
    _scim("read_user_of_another", "GET", "/Users/{OTHERS-USER}", answer="404"),
    _scim("remove_user_of_another", "DELETE", "/Users/{OTHERS-USER}", answer="404"),
)


def _own(name: str, method: str, path: str, body: Any = None, *, answer: str = "200") -> Action:
    return _action(f"own.{name}", asks(method, path, body), {"any": answer})


OWN: Final = (
    _own("read", "GET", "/me"),
    _own("rename", "PATCH", "/me", {"name": "Renamed"}),
    _own("list_keys", "GET", "/identity/keys"),
    _own("list_sessions", "GET", "/identity/sessions"),
    _own("list_factors", "GET", "/identity/factors"),
    _own("begin_app", "POST", "/identity/factors/totp"),
    _own("begin_passkey", "POST", "/identity/factors/passkeys/options"),
    _own("end_session_of_another", "DELETE", "/identity/sessions/{NEWCOMER}", answer="404 not_found"),
)
ACCESS: Final[tuple[Action, ...]] = (*GROUPS, *ROLES, *PROVIDERS, *SESSIONS_AND_TRAIL, *SCIM, *OWN)
