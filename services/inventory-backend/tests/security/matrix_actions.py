"""What can be done to objects that lie somewhere, and to those that lie nowhere."""

from typing import Any, Final

from tests.security.matrix import PLACELESS, Action, Request, Scene

_KEPT: Final = ("active", "archived")


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


def _things(noun: str, path: str, key: str, new: dict[str, Any]) -> tuple[Action, ...]:
    """Return what can be done to reference data that lies nowhere, named THING."""

    def one(method: str, suffix: str = "", body: Any = None) -> Any:
        return lambda scene, _place, _state: Request(
            method=method, path=f"{path}/{scene.ids[noun.upper()]}{suffix}", body=body
        )

    def listed(scene: Scene, _place: str, _state: str) -> Request:
        return Request(method="GET", path=f"{path}?archived=any", shows=scene.ids[noun.upper()])

    plain: dict[str, Any] = {"relations": PLACELESS}
    return (
        Action(name=f"{noun}.read", states=_KEPT, make=one("GET"), **plain),
        Action(name=f"{noun}.list", states=_KEPT, make=listed, **plain),
        Action(name=f"{noun}.rename", states=_KEPT, make=one("PATCH", body={"name": "Renamed"}), **plain),
        Action(name=f"{noun}.archive", states=_KEPT, make=one("POST", "/archive"), **plain),
        Action(name=f"{noun}.restore", states=_KEPT, make=one("POST", "/restore"), **plain),
        Action(name=f"{noun}.delete", states=_KEPT, make=one("DELETE"), **plain),
        Action(
            name=f"{noun}.create",
            states=("free", "taken"),
            make=lambda _scene, _place, state: Request(
                method="POST", path=path, body={**new, key: noun.upper() if state == "taken" else "NEW"}
            ),
            **plain,
        ),
    )


LOCATIONS: Final = (
    Action(name="location.read", states=_KEPT, make=_location("GET")),
    Action(
        name="location.list",
        states=_KEPT,
        make=lambda scene, place, _: Request(
            method="GET", path=f"/locations/locations?archived=any&code={place}", shows=scene.ids[place]
        ),
    ),
    Action(name="location.rename", states=_KEPT, make=_location("PATCH", body={"name": "Renamed"})),
    Action(name="location.archive", states=_KEPT, make=_location("POST", "/archive")),
    Action(name="location.restore", states=_KEPT, make=_location("POST", "/restore")),
    Action(name="location.delete", states=("used",), make=_location("DELETE")),
    Action(
        name="location.create_within",
        states=_KEPT,
        make=lambda scene, place, _: Request(
            method="POST",
            path="/locations/locations",
            body={"code": "NEW", "name": "New", "kind": "bin", "parent": scene.ids[place]},
        ),
    ),
    Action(
        name="location.move_into",
        states=_KEPT,
        make=lambda scene, place, _: Request(
            method="PATCH", path=f"/locations/locations/{scene.ids['Z1M']}", body={"parent": scene.ids[place]}
        ),
    ),
)
LEDGER: Final = (
    Action(name="ledger.receive_into", states=_KEPT, make=_post("receipt", to_location="here")),
    Action(name="ledger.ship_from", states=("stocked", "short"), make=_post("shipment", from_location="here")),
    Action(
        name="ledger.transfer_out",
        states=("stocked", "short"),
        make=_post("transfer", from_location="here", to_location="Z1M"),
    ),
    Action(name="ledger.transfer_in", states=_KEPT, make=_post("transfer", from_location="Z1M", to_location="here")),
    Action(
        name="ledger.preview",
        states=_KEPT,
        make=_post("receipt", path="/ledger/transactions/preview", to_location="here"),
    ),
    Action(
        name="ledger.batch", states=_KEPT, make=_post("receipt", path="/ledger/transactions/batch", to_location="here")
    ),
    Action(name="ledger.balances", states=_KEPT, make=_stock("/ledger/balances?location={}")),
    Action(name="ledger.postings", states=("posted",), make=_stock("/ledger/postings?location={}")),
    Action(name="ledger.levels", states=("stocked",), make=_stock("/ledger/levels?location__under={}")),
    Action(
        name="ledger.read_transaction",
        states=("posted", "reversed"),
        make=lambda scene, place, _: Request(method="GET", path=f"/ledger/transactions/{scene.receipts[place]}"),
    ),
    Action(
        name="ledger.list_transactions",
        states=("posted", "reversed"),
        make=lambda scene, place, _: Request(
            method="GET", path="/ledger/transactions?limit=200", shows=scene.receipts[place]
        ),
    ),
    Action(name="ledger.reverse", states=("posted", "reversed"), make=_reversal),
)
PLACELESS_ONES: Final = (
    *_things("item", "/catalog/items", "sku", {"name": "New", "base_unit": "ea"}),
    *_things("unit", "/catalog/units", "code", {"name": "New", "dimension": "count"}),
    *_things("party", "/parties/parties", "code", {"name": "New"}),
    *(
        Action(
            name=name,
            states=("any",),
            make=_read(path),
            relations=PLACELESS,
        )
        for name, path in (
            ("ledger.integrity", "/ledger/integrity"),
            ("ledger.list_periods", "/ledger/periods"),
            ("identity.me", "/me"),
        )
    ),
    Action(
        name="ledger.close_period",
        states=("open",),
        make=lambda _s, _p, _t: Request(
            method="POST", path="/ledger/periods", body={"closed_until": "2020-01-01T00:00:00Z"}
        ),
        relations=PLACELESS,
    ),
)
ACTIONS: Final[tuple[Action, ...]] = (*LOCATIONS, *LEDGER, *PLACELESS_ONES)
