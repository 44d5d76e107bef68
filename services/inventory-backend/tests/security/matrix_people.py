"""What can be done to accounts, to their keys, and to what they hold where; each belongs to a place of the scene.

P-<place> is a person who is a viewer there, S-<place> such a service; KEY-<place> is that person's key, BINDING-<place>
what makes them a viewer. NEWCOMER holds nothing anywhere.
"""

from typing import Any, Final

from tests.security.matrix import PLACELESS, Action, Request, Rule, Scene

EXPIRES: Final = "{expires}"  # the test's clock fills it in
_TAKEOVER: Final = "403 holds_more"


def _asks(method: str, path: str, body: Any = None, *, shows: str = "") -> Any:
    """Return a maker of a request in which `{name}` is an id of the scene, and `{here}` the place."""

    def filled(value: Any, scene: Scene, place: str) -> Any:
        if isinstance(value, dict):
            return {key: filled(each, scene, place) for key, each in value.items()}
        if not isinstance(value, str) or value == EXPIRES:
            return value
        for code, pk in {**scene.ids, "here": scene.ids[place]}.items():
            value = value.replace("{" + code.replace(f"-{place}", "-here") + "}", pk)
        return value

    def make(scene: Scene, place: str, _state: str) -> Request:
        return Request(
            method=method,
            path=filled(path, scene, place),
            body=filled(body, scene, place),
            shows=filled(shows, scene, place),
        )

    return make


def _here(needs: str, answers: dict[str, str], *, beyond: str = "404 not_found", lacking: str = "") -> Rule:
    denied = lacking or "403 permission_denied"
    return Rule(needs=needs, reach="place", answers=answers, beyond=beyond, lacking=denied)


def _held(answer: str, disabled: str = "") -> dict[str, str]:
    """Return answers of a change of an account: nobody changes one that holds more than they do."""
    return {
        "active": answer,
        "disabled": disabled or answer,
        "also_everywhere": _TAKEOVER,
        "also_everywhere/root": answer,
    }


def _accounts(noun: str, path: str, who: str) -> tuple[Action, ...]:
    one = f"{path}/{{{who}-here}}"
    seen = {"active": "200", "disabled": "200", "also_everywhere": "200"}
    sees, manages = "identity.view_users", "identity.manage_users"
    return (
        Action(name=f"{noun}.read", make=_asks("GET", one), rule=_here(sees, seen)),
        Action(
            name=f"{noun}.list",
            make=_asks("GET", f"{path}?limit=200", shows=f"{{{who}-here}}"),
            rule=_here(sees, dict.fromkeys(seen, "shown"), beyond="hidden"),
        ),
        Action(name=f"{noun}.rename", make=_asks("PATCH", one, {"name": "Renamed"}), rule=_here(manages, _held("200"))),
        Action(name=f"{noun}.disable", make=_asks("POST", f"{one}/disable"), rule=_here(manages, _held("200"))),
        Action(name=f"{noun}.enable", make=_asks("POST", f"{one}/enable"), rule=_here(manages, _held("200"))),
        Action(
            name=f"{noun}.create",
            make=lambda _scene, _place, state: Request(
                method="POST", path=path, body={"username": "vera" if state == "taken" else "new", "name": "New"}
            ),
            rule=Rule(needs=manages, answers={"free": "201", "taken": "409 duplicate"}),
            relations=PLACELESS,
        ),
    )


_NEW_KEY: Final = {"name": "New", "permissions": ["ledger.view"], "expires_at": EXPIRES}
_KEY: Final = "/identity/keys/{KEY-here}"
_OF_KEYS: Final = "identity.manage_keys"
_KEY_STATES: Final = {"live": "200", "revoked": "200", "owner_also_everywhere": "200"}
KEYS: Final = (
    Action(name="key.read", make=_asks("GET", _KEY), rule=_here(_OF_KEYS, _KEY_STATES, lacking="404 not_found")),
    Action(
        name="key.list",
        make=_asks("GET", "/identity/keys?state=any&limit=200", shows="{KEY-here}"),
        rule=_here(_OF_KEYS, dict.fromkeys(_KEY_STATES, "shown"), beyond="hidden", lacking="hidden"),
    ),
    Action(
        name="key.revoke",
        make=_asks("POST", f"{_KEY}/revoke"),
        rule=_here(
            _OF_KEYS,
            {**_KEY_STATES, "owner_also_everywhere": _TAKEOVER, "owner_also_everywhere/root": "200"},
            lacking="404 not_found",
        ),
    ),
    Action(
        name="key.create_for",
        make=_asks("POST", "/identity/keys", {**_NEW_KEY, "user": "{P-here}"}),
        rule=_here(_OF_KEYS, _held("201", "409 owner_disabled"), beyond="400 unknown_user", lacking="400 unknown_user"),
    ),
    # Everybody makes keys of their own, within what they hold: every role sees stock.
    Action(
        name="key.create_own",
        make=_asks("POST", "/identity/keys", {**_NEW_KEY, "location": "{here}"}),
        rule=_here("ledger.view", {"any": "201"}, beyond="400 unknown_location", lacking="400 unknown_location"),
    ),
)
_BINDING: Final = "/identity/bindings/{BINDING-here}"
_SEES_ROLES: Final = "identity.view_roles"
_MANAGES_ROLES: Final = "identity.manage_roles"
_NEW_BINDING: Final = {"user": "{NEWCOMER}", "role": "role:viewer"}
BINDINGS: Final = (
    Action(name="binding.read", make=_asks("GET", _BINDING), rule=_here(_SEES_ROLES, {"live": "200", "ended": "200"})),
    Action(
        name="binding.list",
        make=_asks("GET", "/identity/bindings?limit=200", shows="{BINDING-here}"),
        rule=_here(_SEES_ROLES, {"live": "shown", "ended": "shown"}, beyond="hidden"),
    ),
    Action(
        name="binding.grant",
        make=_asks("POST", "/identity/bindings", {**_NEW_BINDING, "location": "{here}"}),
        rule=_here(_MANAGES_ROLES, {"free": "201", "taken": "409 already_bound"}, beyond="400 unknown_location"),
    ),
    Action(
        name="binding.grant_everywhere",
        make=_asks("POST", "/identity/bindings", {**_NEW_BINDING, "location": None}),
        rule=Rule(needs=_MANAGES_ROLES, reach="everywhere", answers={"free": "201"}, beyond="403 beyond_own_grants"),
        relations=PLACELESS,
    ),
    Action(
        name="binding.end", make=_asks("DELETE", _BINDING), rule=_here(_MANAGES_ROLES, {"live": "204", "ended": "204"})
    ),
    Action(
        name="explain.at",
        make=_asks("GET", "/identity/explain?user={P-here}&permission=ledger.view&location={here}"),
        rule=_here(_SEES_ROLES, {"live": "200", "ended": "200"}, beyond="400 unknown_location"),
    ),
    Action(
        name="explain.everywhere",
        make=_asks("GET", "/identity/explain?user={NEWCOMER}&permission=ledger.view"),
        rule=Rule(needs=_SEES_ROLES, reach="everywhere", answers={"any": "200"}, beyond="403 permission_denied"),
        relations=PLACELESS,
    ),
)
_MANAGES_USERS: Final = "identity.manage_users"
PEOPLE: Final[tuple[Action, ...]] = (
    *_accounts("user", "/identity/users", "P"),
    *_accounts("service", "/identity/service-accounts", "S"),
    Action(
        name="user.remove_factors",
        make=_asks("DELETE", "/identity/users/{P-here}/factors"),
        rule=_here(_MANAGES_USERS, _held("204")),
    ),
    Action(
        name="user.invite",
        make=_asks("POST", "/identity/invitations", {"user": "{P-here}"}),
        rule=_here(_MANAGES_USERS, _held("202", "400 cannot_be_invited"), beyond="400 unknown_user"),
    ),
    *KEYS,
    *BINDINGS,
)
asks: Final = _asks
