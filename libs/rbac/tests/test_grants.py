"""Grants: deny by default, only ever additive, each scope spelled in one way."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbac import Grant, Grants, Scope, is_active

SITE, OTHER = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# Few codes and few locations, so that random grants overlap.
codes = st.sampled_from(["ledger.post", "ledger.read", "catalog.item.create"])
locations = st.none() | st.sampled_from([SITE, OTHER, UUID(int=3)])
grants = st.lists(st.builds(Grant, st.frozensets(codes), locations), max_size=6).map(tuple).map(Grants)


def covers(wide: Scope, narrow: Scope) -> bool:
    return wide.everywhere or (not narrow.everywhere and narrow.roots <= wide.roots)


@given(grants, grants, codes)
def test_adding_grants_never_narrows(some: Grants, more: Grants, code: str) -> None:
    assert covers(Grants(some.items + more.items).scope(code), some.scope(code))


@given(grants, grants, codes)
def test_the_scope_of_a_union_is_the_union_of_the_scopes(some: Grants, more: Grants, code: str) -> None:
    assert Grants(some.items + more.items).scope(code) == some.scope(code) | more.scope(code)


@given(st.text())
def test_no_grants_deny_everything(code: str) -> None:
    assert Grants().scope(code) == Scope.nothing()
    assert not Grants().allows(code)
    assert Grants().permissions() == frozenset()


@given(grants, codes)
def test_allows_says_whether_there_is_a_scope(some: Grants, code: str) -> None:
    assert some.allows(code) == bool(some.scope(code)) == (code in some.permissions())


@given(grants)
def test_a_code_that_nobody_was_given_gives_nothing(some: Grants) -> None:
    assert some.scope("ledger.verify") == Scope.nothing()


def test_scopes_are_per_permission() -> None:
    clerk = Grants(
        (
            Grant(frozenset({"ledger.read"}), None),
            Grant(frozenset({"ledger.read", "ledger.post"}), SITE),
            Grant(frozenset({"ledger.post"}), OTHER),
        )
    )

    assert clerk.scope("ledger.read") == Scope.all()
    assert clerk.scope("ledger.post") == Scope(everywhere=False, roots=frozenset({SITE, OTHER}))
    assert clerk.permissions() == {"ledger.read", "ledger.post"}


def test_only_an_empty_scope_is_false() -> None:
    assert not Scope.nothing()
    assert Scope.all()
    assert Scope(everywhere=False, roots=frozenset({SITE}))


def test_a_scope_that_is_everywhere_names_no_roots() -> None:
    with pytest.raises(ValueError, match="everywhere has no roots"):
        Scope(everywhere=True, roots=frozenset({SITE}))


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "active"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON + SECOND, None, False),
        (None, NOON, False),
        (None, NOON + SECOND, True),
        (NOON, NOON + SECOND, True),
    ],
)
def test_a_binding_holds_from_its_start_until_just_before_its_end(
    valid_from: datetime | None, valid_until: datetime | None, *, active: bool
) -> None:
    assert is_active(valid_from, valid_until, NOON) is active
