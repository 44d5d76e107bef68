"""Every app has the rooms of the house, and only those: a newcomer who has read one app knows the others."""

from pathlib import Path
from typing import Final

import pytest
from django.apps import apps as installed

APPS: Final = Path(__file__).parents[1] / "apps"
# A room is a module, or a package of one module for each noun.
ROOMS: Final = {"api", "console", "tasks", "actions", "queries", "permissions", "models", "types"}
FRAME: Final = {"__init__", "apps", "migrations", "sql", "management", "tests"}
# What a domain cannot be without.
NEEDED: Final = {"__init__", "apps", "migrations", "tests", "api", "actions", "queries", "permissions", "models"}
DOMAINS: Final = {"identity", "parties", "catalog", "locations", "ledger"}
# Rooms beyond those, each with its reason. Whoever adds one says why it is not in a room that everybody knows.
MORE: Final[dict[str, dict[str, str]]] = {
    "common": {
        "db": "no domain: what every room of every app leans on",
        "errors": "as db",
        "outbound": "as db: the one way out over HTTP",
        "quantities": "as db",
        "records": "as db",
        "retries": "as db",
        "selectors": "as db",
        "static": "the pages that no domain owns: the API's documentation, and what an error means",
        "templates": "as static",
    },
    "identity": {
        "api_keys": "how an API key is spelled, made and checked; no table",
        "authentication": "REST framework asks it who is calling, for every app",
        "challenges": "signed statements that are handed out to be answered; no table",
        "keys": "what access tokens are signed with; no table",
        "letters": "how letters leave; no table",
        "passkeys": "what is expected of a passkey; its table is a model",
        "passwords": "how passwords are chosen and kept; Django finds it by name",
        "sealing": "secrets at rest; no table",
        "providers": "what talks to identity providers: over the network, and no table",
        "tokens": "what an access token says; no table",
        "totp": "RFC 6238; no table",
    },
    "dataio": {"csv_files": "how a file is read, whatever is in it"},
    "trail": {"keys": "what the trail is sealed with; no table"},
    "demo": {
        "catalogue": "no domain: a business to try the service on",
        "company": "as catalogue",
        "database": "as catalogue",
        "history": "as catalogue",
        "people": "as catalogue",
        "seed": "as catalogue",
    },
}
# What every app has under `api/v1`, and may have there: shapes that are answered, lists, and views of their own.
VIEWS_NEEDED: Final = {"__init__", "shapes", "urls", "views"}
VIEWS: Final = VIEWS_NEEDED | {"answers", "lists", "me"}


def _names(folder: Path) -> list[str]:
    """Return what lies in a folder, without suffixes; what Python made itself is not counted."""
    return sorted(path.stem for path in folder.iterdir() if not path.name.startswith((".", "__pycache__")))


def _apps() -> list[str]:
    return sorted(path.parent.name for path in APPS.glob("*/apps.py"))


def test_every_folder_below_apps_is_an_app_with_a_label_set_by_hand() -> None:
    folders = sorted(path.name for path in APPS.iterdir() if path.is_dir() and path.name != "__pycache__")
    assert folders == _apps()
    configs = {config.name: config for config in installed.get_app_configs() if config.name.startswith("apps.")}
    assert sorted(configs) == [f"apps.{name}" for name in _apps()]
    assert {name: vars(type(config)).get("label") for name, config in configs.items()} == {
        f"apps.{name}": name for name in _apps()
    }


@pytest.mark.parametrize("app", _apps())
def test_an_app_has_the_rooms_of_the_house_and_only_those(app: str) -> None:
    found = _names(APPS / app)
    assert len(found) == len(set(found)), "A room is a module or a package, not both."
    assert set(found) - ROOMS - FRAME == set(MORE.get(app, {}))


@pytest.mark.parametrize("app", sorted(DOMAINS))
def test_a_domain_has_every_room_that_a_domain_needs(app: str) -> None:
    assert NEEDED - set(_names(APPS / app)) == set()
    views = set(_names(APPS / app / "api" / "v1"))
    assert VIEWS_NEEDED - views == set()
    assert views - VIEWS == set()


def test_an_app_is_a_domain_or_says_why_not() -> None:
    assert set(_apps()) - DOMAINS == {"common", "dataio", "demo", "trail"}
