"""What can be done to stock, to where it lies, and to what it is of."""

from typing import Any, Final

from tests.security.matrix import PLACELESS, Action, Request, Rule, Scene, write
from tests.security.matrix_access import ACCESS
from tests.security.matrix_people import PEOPLE


def _line(scene: Scene, quantity: str = "1", **places: str) -> dict[str, Any]:
    item = "sku:BOLT"
    return {"item": item, "quantity": quantity, **{side: scene.ids[code] for side, code in places.items()}}


def _transaction(kind: str, line: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "lines": [line]}


def _post(kind: str, *, path: str = "/ledger/transactions", **sides: str) -> Any:
    """Return a maker of a transaction whose sides are `here` or the code of a place."""

    def make(scene: Scene, place: str, state: str) -> Request:
        places = {side: place if code == "here" else code for side, code in sides.items()}
        body = _transaction(kind, _line(scene, "1" if state != "short" else "100", **places))
        return Request(method="POST", path=path, body={"items": [body]} if path.endswith("batch") else body)

    return make


def _location(method: str, suffix: str = "", body: Any = None) -> Any:
    return lambda scene, place, _: Request(
        method=method, path=f"/locations/locations/{scene.ids[place]}{suffix}", body=body
    )


def _stock(path: str) -> Any:
    """Return a maker of a list of stock that is narrowed to the place."""
    return lambda scene, place, _: Request(method="GET", path=path.format(scene.ids[place]), shows="BOLT")


def _read(path: str) -> Any:
    return lambda _scene, _place, _state: Request(method="GET", path=path)


def _reversal(scene: Scene, place: str, _: str) -> Request:
    return Request(
        method="POST", path=f"/ledger/transactions/{scene.receipts[place]}/reverse", body={"reason": "mistake"}
    )


def _answered(active: str, archived: str = "") -> dict[str, str]:
    """Return answers for what is in use and for what is archived."""
    return {"active": active, "archived": archived or active}


def _at(needs: str, answers: dict[str, str], *, beyond: str = "404 not_found", note: str = "") -> Rule:
    """Return the rule of what lies at a place."""
    return Rule(needs=needs, reach="place", answers=answers, beyond=beyond, note=note)


def _posts(answers: dict[str, str]) -> Rule:
    return _at("ledger.post", answers, beyond="400 unknown_location")


def _things(noun: str, path: str, key: str, new: dict[str, Any]) -> tuple[Action, ...]:
    """Return what can be done to reference data that lies nowhere, named THING."""
    domain = path.split("/")[1]
    sees, edits = f"{domain}.view", f"{domain}.edit"

    def one(name: str, method: str, suffix: str = "", body: Any = None, *, needs: str, answer: str = "200") -> Action:
        return Action(
            name=f"{noun}.{name}",
            make=lambda scene, _place, _state: Request(
                method=method, path=f"{path}/{scene.ids[noun.upper()]}{suffix}", body=body
            ),
            rule=Rule(needs=needs, answers=_answered(answer)),
            relations=PLACELESS,
        )

    return (
        one("read", "GET", needs=sees),
        Action(
            name=f"{noun}.list",
            make=lambda scene, _place, _state: Request(
                method="GET", path=f"{path}?archived=any", shows=scene.ids[noun.upper()]
            ),
            rule=Rule(needs=sees, answers=_answered("shown")),
            relations=PLACELESS,
        ),
        one("rename", "PATCH", body={"name": "Renamed"}, needs=edits),
        one("archive", "POST", "/archive", needs=edits),
        one("restore", "POST", "/restore", needs=edits),
        one("delete", "DELETE", needs=edits, answer="204"),
        Action(
            name=f"{noun}.create",
            make=lambda _scene, _place, state: Request(
                method="POST", path=path, body={**new, key: noun.upper() if state == "taken" else "NEW"}
            ),
            rule=Rule(needs=edits, answers={"free": "201", "taken": "409 duplicate"}),
            relations=PLACELESS,
        ),
    )


_EDIT: Final = "locations.edit"
_SEE: Final = "ledger.view"
# An archived place takes nothing in; Z1M lies in Z1 already, and stays there.
_MOVED: Final = {"active": "200", "archived": "409 archived", "archived/own": "200", "archived/root": "200"}
LOCATIONS: Final = (
    Action(name="location.read", make=_location("GET"), rule=_at("locations.view", _answered("200"))),
    Action(
        name="location.list",
        make=lambda scene, place, _: Request(
            method="GET", path=f"/locations/locations?archived=any&code={place}", shows=scene.ids[place]
        ),
        rule=_at("locations.view", _answered("shown"), beyond="hidden"),
    ),
    Action(
        name="location.rename",
        make=_location("PATCH", body={"name": "Renamed"}),
        rule=_at(_EDIT, _answered("200")),
    ),
    Action(name="location.archive", make=_location("POST", "/archive"), rule=_at(_EDIT, _answered("200"))),
    Action(name="location.restore", make=_location("POST", "/restore"), rule=_at(_EDIT, _answered("200"))),
    Action(name="location.delete", make=_location("DELETE"), rule=_at(_EDIT, {"used": "409 in_use"})),
    Action(
        name="location.create_within",
        make=lambda scene, place, _: Request(
            method="POST",
            path="/locations/locations",
            body={"code": "NEW", "name": "New", "kind": "bin", "parent": scene.ids[place]},
        ),
        rule=_at(_EDIT, _answered("201", "409 archived"), beyond="400 unknown_location"),
    ),
    Action(
        name="location.move_into",
        make=lambda scene, place, _: Request(
            method="PATCH", path=f"/locations/locations/{scene.ids['Z1M']}", body={"parent": scene.ids[place]}
        ),
        rule=_at(_EDIT, _MOVED, beyond="400 unknown_location"),
    ),
)
_TAKES: Final = _answered("201", "400 archived")
_GIVES: Final = {"stocked": "201", "short": "409 insufficient_stock"}
LEDGER: Final = (
    Action(name="ledger.receive_into", make=_post("receipt", to_location="here"), rule=_posts(_TAKES)),
    Action(name="ledger.ship_from", make=_post("shipment", from_location="here"), rule=_posts(_GIVES)),
    Action(
        name="ledger.transfer_out",
        make=_post("transfer", from_location="here", to_location="Z1M"),
        rule=_posts(_GIVES),
    ),
    Action(
        name="ledger.transfer_in",
        make=_post("transfer", from_location="Z1M", to_location="here"),
        rule=_posts(_TAKES),
    ),
    Action(
        name="ledger.preview",
        make=_post("receipt", path="/ledger/transactions/preview", to_location="here"),
        rule=_posts(_answered("200", "400 archived")),
    ),
    Action(
        name="ledger.batch",
        make=_post("receipt", path="/ledger/transactions/batch", to_location="here"),
        rule=_posts(_TAKES),
    ),
    Action(
        name="ledger.balances",
        make=_stock("/ledger/balances?location={}"),
        rule=_at(_SEE, _answered("shown"), beyond="hidden"),
    ),
    Action(
        name="ledger.postings",
        make=_stock("/ledger/postings?location={}"),
        rule=_at(_SEE, {"posted": "shown"}, beyond="hidden"),
    ),
    Action(
        name="ledger.levels",
        make=_stock("/ledger/levels?location__under={}"),
        rule=_at(
            _SEE,
            {"stocked": "shown"},
            beyond="400 unknown_location",
            note="levels are summed below one location, so one that does not exist is an error and no empty sum",
        ),
    ),
    Action(
        name="ledger.read_transaction",
        make=lambda scene, place, _: Request(method="GET", path=f"/ledger/transactions/{scene.receipts[place]}"),
        rule=_at(_SEE, {"posted": "200", "reversed": "200"}),
    ),
    Action(
        name="ledger.list_transactions",
        make=lambda scene, place, _: Request(
            method="GET", path="/ledger/transactions?limit=200", shows=scene.receipts[place]
        ),
        rule=_at(_SEE, {"posted": "shown", "reversed": "shown"}, beyond="hidden"),
    ),
    Action(
        name="ledger.reverse",
        make=_reversal,
        rule=_at("ledger.reverse", {"posted": "201", "reversed": "409 already_reversed"}),
    ),
    Action(
        name="ledger.integrity",
        make=_read("/ledger/integrity"),
        rule=Rule(needs="ledger.audit", reach="everywhere", answers={"any": "200"}),
        relations=PLACELESS,
    ),
    Action(
        name="ledger.list_periods",
        make=_read("/ledger/periods"),
        rule=Rule(needs=_SEE, answers={"any": "200"}),
        relations=PLACELESS,
    ),
    Action(
        name="ledger.close_period",
        make=lambda _s, _p, _t: Request(
            method="POST", path="/ledger/periods", body={"closed_until": "2020-01-01T00:00:00Z"}
        ),
        rule=Rule(needs="ledger.close_period", reach="everywhere", answers={"open": "201"}),
        relations=PLACELESS,
    ),
)
REFERENCE_DATA: Final = (
    *_things("item", "/catalog/items", "sku", {"name": "New", "base_unit": "ea"}),
    *_things("unit", "/catalog/units", "code", {"name": "New", "dimension": "count"}),
    *_things("party", "/parties/parties", "code", {"name": "New"}),
)
ACTIONS: Final[tuple[Action, ...]] = (*LOCATIONS, *LEDGER, *REFERENCE_DATA, *PEOPLE, *ACCESS)


if __name__ == "__main__":
    write(ACTIONS)
