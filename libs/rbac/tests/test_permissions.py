"""The registry: each code once, well formed, and a typo is answered with the nearest."""

import pytest

from rbac import DuplicatePermission, MalformedPermission, Permission, Registry, UnknownPermission


@pytest.fixture
def permissions() -> Registry:
    registry = Registry()
    registry.register("ledger.reverse", "Reverse stock transactions.")
    registry.register("ledger.post", "Post stock transactions.")
    return registry


def test_register_returns_the_code_for_a_constant(permissions: Registry) -> None:
    assert permissions.register("catalog.item.create", "Create items.") == "catalog.item.create"
    assert permissions.get("catalog.item.create") == Permission("catalog.item.create", "Create items.")


def test_iterates_in_the_order_of_the_codes(permissions: Registry) -> None:
    assert [permission.code for permission in permissions] == ["ledger.post", "ledger.reverse"]


@pytest.mark.parametrize(
    "code",
    ["", "ledger", "ledger.", ".post", "ledger..post", "Ledger.post", "ledger.post\n", "ledger.*", "a.b2"],
)
def test_refuses_a_malformed_code(permissions: Registry, code: str) -> None:
    with pytest.raises(MalformedPermission) as refusal:
        permissions.register(code, "Anything.")

    assert refusal.value.code == code
    assert len(list(permissions)) == 2


def test_refuses_the_same_code_twice_and_keeps_the_first(permissions: Registry) -> None:
    with pytest.raises(DuplicatePermission, match=r"'ledger\.post' is registered already"):
        permissions.register("ledger.post", "Something else.")

    assert permissions.get("ledger.post").description == "Post stock transactions."


def test_an_unknown_code_names_the_nearest(permissions: Registry) -> None:
    with pytest.raises(UnknownPermission, match=r"did you mean 'ledger\.post'\?") as refusal:
        permissions.get("ledger.pots")

    assert (refusal.value.code, refusal.value.nearest) == ("ledger.pots", "ledger.post")


def test_an_unknown_code_that_is_near_nothing_says_where_to_register_it(permissions: Registry) -> None:
    with pytest.raises(UnknownPermission, match=r"register it in its domain's permissions\.py") as refusal:
        permissions.get("zzz")

    assert refusal.value.nearest is None
