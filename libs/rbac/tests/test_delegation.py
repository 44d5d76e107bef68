"""A6: whatever a group of people does among themselves, together they never hold more than before.

The machine knows roles, groups, bindings and time.  It lets a coalition act, each of its members as
far as `Grants.lacks` allows, and compares what they hold at each coming hour with what they would
have held there had nobody done anything.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rbac import (
    Grant,
    Grants,
    Held,
    Verdict,
    grants_from,
    handed_by_a_role,
    handed_over,
    verdict_on,
)

MANAGE = "identity.manage"
CODES = (MANAGE, "ledger.post", "ledger.view")
SITE, SHELF, OTHER = (UUID(int=n) for n in (1, 2, 3))
# SITE contains SHELF; a path is a location and everything above it.
PATHS: dict[UUID | None, frozenset[UUID]] = {
    None: frozenset(),
    SITE: frozenset({SITE}),
    SHELF: frozenset({SITE, SHELF}),
    OTHER: frozenset({OTHER}),
}
START = datetime(2026, 11, 23, tzinfo=UTC)
HOURS = 4
COALITION = ("ann", "ben")
OUTSIDERS = ("zoe",)
GROUPS = ("crew", "chiefs")
ROLES = ("r0", "r1", "r2")

users = st.sampled_from(COALITION)
anybody = st.sampled_from(COALITION + OUTSIDERS)
groups = st.sampled_from(GROUPS)
roles = st.sampled_from(ROLES)
places = st.sampled_from(list(PATHS))
permission_sets = st.frozensets(st.sampled_from(CODES))
ends = st.none() | st.integers(1, HOURS)
starts = st.none() | st.integers(0, HOURS)


def hour(number: int | None) -> datetime | None:
    return None if number is None else START + timedelta(hours=number)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One binding: `who` is a user or a group."""

    who: str
    role: str
    place: UUID | None
    start: int | None
    end: int | None


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that decides who may do what."""

    roles: dict[str, frozenset[str]]
    bound: tuple[Bound, ...] = ()
    members: frozenset[tuple[str, str]] = frozenset()

    def held(self, *who: str) -> list[Held]:
        return [
            Held(
                binding_id=UUID(int=0),
                role=bound.role,
                permissions=self.roles[bound.role],
                location_id=bound.place,
                valid_from=hour(bound.start),
                valid_until=hour(bound.end),
            )
            for bound in self.bound
            if bound.who in who
        ]

    def of_user(self, user: str) -> list[Held]:
        return self.held(user, *(group for group, member in self.members if member == user))

    def reach(self, at: datetime) -> set[tuple[str, UUID | None]]:
        """Return what the coalition holds together at an instant: each permission at each place.

        It is said in other words than those of the library, which must not judge itself.
        """
        held = [each for user in COALITION for each in self.of_user(user)]
        return {
            (code, place)
            for each in held
            if (each.valid_from or at) <= at and (each.valid_until is None or each.valid_until > at)
            for place, path in PATHS.items()
            if each.location_id is None or each.location_id in path
            for code in each.permissions
        }


class Delegation(RuleBasedStateMachine):
    """The coalition tries everything there is to try."""

    state: State
    first: State
    now: int = 0

    @initialize(
        roles=st.fixed_dictionaries(dict.fromkeys(ROLES, permission_sets)),
        bound=st.lists(
            st.tuples(st.sampled_from([*COALITION, *OUTSIDERS, *GROUPS]), roles, places, starts, ends), max_size=5
        ),
        members=st.frozensets(st.tuples(groups, anybody)),
        place=st.none() | places,
        end=ends,
    )
    def begin(
        self,
        roles: dict[str, frozenset[str]],
        bound: list[tuple[str, str, UUID | None, int | None, int | None]],
        members: frozenset[tuple[str, str]],
        place: UUID | None,
        end: int | None,
    ) -> None:
        # Somebody among them may hand out something, or there would be little to try.
        roles = roles | {"r0": roles["r0"] | {MANAGE}}
        bound = [("ann", "r0", place, None, end), *bound]
        made = (Bound(who=w, role=r, place=p, start=s, end=e) for w, r, p, s, e in bound)
        self.state = self.first = State(roles=roles, bound=tuple(made), members=members)

    def may(self, actor: str, wanted: list[Grant]) -> bool:
        held = grants_from(self.state.of_user(actor), at=self.at)
        return bool(wanted) and not any(held.lacks(grant, path=PATHS[grant.location_id]) for grant in wanted)

    @property
    def at(self) -> datetime:
        return START + timedelta(hours=self.now)

    def managing(self, place: UUID | None) -> Grant:
        return Grant(frozenset({MANAGE}), place, self.at)

    @rule(actor=users, who=st.sampled_from([*COALITION, *OUTSIDERS, *GROUPS]), role=roles, place=places, end=ends)
    def bind(self, actor: str, who: str, role: str, place: UUID | None, end: int | None) -> None:
        bound = Bound(who=who, role=role, place=place, start=None, end=end)
        if self.may(actor, [self.managing(place), Grant(self.state.roles[role], place, hour(end))]):
            self.state = replace(self.state, bound=(*self.state.bound, bound))

    @precondition(lambda self: self.state.bound)
    @rule(actor=users, number=st.integers(0, 9))
    def unbind(self, actor: str, number: int) -> None:
        bound = self.state.bound[number % len(self.state.bound)]
        gone = Grant(self.state.roles[bound.role], bound.place, hour(bound.end))
        if self.may(actor, [self.managing(bound.place), gone]):
            self.state = replace(self.state, bound=tuple(each for each in self.state.bound if each != bound))

    @rule(actor=users, group=groups, member=anybody)
    def join(self, actor: str, group: str, member: str) -> None:
        handed = handed_over(self.state.held(group), at=self.at)
        if self.may(actor, [self.managing(None), *handed]):
            self.state = replace(self.state, members=self.state.members | {(group, member)})

    @rule(actor=users, group=groups, member=anybody)
    def leave(self, actor: str, group: str, member: str) -> None:
        handed = handed_over(self.state.held(group), at=self.at)
        if self.may(actor, [self.managing(None), *handed]):
            self.state = replace(self.state, members=self.state.members - {(group, member)})

    @rule(actor=users, role=roles, permissions=permission_sets)
    def edit(self, actor: str, role: str, permissions: frozenset[str]) -> None:
        bindings = [held for who in (*COALITION, *OUTSIDERS, *GROUPS) for held in self.state.held(who)]
        handed = handed_by_a_role(
            self.state.roles[role],
            permissions,
            bindings=[held for held in bindings if held.role == role],
            at=self.at,
        )
        if self.may(actor, [self.managing(None), handed]):
            self.state = replace(self.state, roles={**self.state.roles, role: permissions})

    @rule()
    def wait(self) -> None:
        self.now = min(self.now + 1, HOURS)

    @invariant()
    def test_a6_together_they_hold_no_more_than_at_first(self) -> None:
        for coming in range(self.now, HOURS + 2):
            at = START + timedelta(hours=coming)
            assert self.state.reach(at) <= self.first.reach(at)


class TestA6Delegation(Delegation.TestCase):  # type: ignore[valid-type, misc]  # made at run time
    settings: ClassVar = settings(max_examples=300, stateful_step_count=10, deadline=None)


held_roles = st.builds(
    Held,
    binding_id=st.just(UUID(int=9)),
    role=st.just("role"),
    permissions=permission_sets,
    location_id=places,
    valid_from=starts.map(hour),
    valid_until=ends.map(hour),
)


@given(st.lists(held_roles, max_size=5), st.sampled_from(CODES), places, st.integers(0, HOURS))
def test_a_verdict_grants_exactly_where_the_grants_reach(
    bindings: list[Held], code: str, place: UUID | None, number: int
) -> None:
    at, path = START + timedelta(hours=number), PATHS[place]
    verdicts = [verdict_on(held, permission=code, path=path, at=at) for held in bindings]

    reaches = not grants_from(bindings, at=at).lacks(Grant(frozenset({code}), place, at), path=path)
    assert (Verdict.GRANTS in verdicts) == reaches


@given(permission_sets, places)
def test_a6_empty_input_never_says_yes(permissions: frozenset[str], place: UUID | None) -> None:
    wanted = Grant(permissions, place)

    assert Grants().lacks(wanted, path=PATHS[place]) == permissions
    assert Grants((Grant(permissions, SITE),)).lacks(wanted, path=()) == permissions
    assert grants_from((), at=START) == Grants()
    assert handed_over((), at=START) == ()
    assert handed_by_a_role((), permissions, bindings=(), at=START) == Grant(permissions, None, START)


def test_what_is_held_for_a_time_is_not_handed_on_for_longer() -> None:
    held = Grants((Grant(frozenset({MANAGE}), None, hour(2)),))

    assert held.lacks(Grant(frozenset({MANAGE}), SITE, hour(2)), path={SITE}) == frozenset()
    assert held.lacks(Grant(frozenset({MANAGE}), SITE, hour(3)), path={SITE}) == {MANAGE}
    assert held.lacks(Grant(frozenset({MANAGE}), SITE), path={SITE}) == {MANAGE}


def test_what_is_held_at_a_place_is_not_handed_on_above_it() -> None:
    held = Grants((Grant(frozenset({MANAGE}), SHELF),))

    assert held.lacks(Grant(frozenset({MANAGE}), SHELF), path=PATHS[SHELF]) == frozenset()
    assert held.lacks(Grant(frozenset({MANAGE}), SITE), path=PATHS[SITE]) == {MANAGE}
    assert held.lacks(Grant(frozenset({MANAGE}), None), path=PATHS[SITE]) == {MANAGE}


def bound_until(end: int | None, *, start: int | None = None) -> Held:
    return Held(
        binding_id=UUID(int=0),
        role="role",
        permissions=frozenset({MANAGE}),
        location_id=SITE,
        valid_from=hour(start),
        valid_until=hour(end),
    )


def test_a6_who_joins_a_group_gets_what_is_to_come_as_well() -> None:
    bindings = [bound_until(1), bound_until(2), bound_until(None, start=3)]

    assert handed_over(bindings, at=START + timedelta(hours=1)) == (
        Grant(frozenset({MANAGE}), SITE, hour(2)),
        Grant(frozenset({MANAGE}), SITE, None),
    )


def test_a6_a_change_of_a_role_lasts_as_long_as_its_last_binding() -> None:
    changed = frozenset({"ledger.post", "ledger.view"})

    def handed(*bindings: Held) -> Grant:
        return handed_by_a_role(
            {MANAGE, "ledger.post"}, {MANAGE, "ledger.view"}, bindings=bindings, at=START + timedelta(hours=1)
        )

    assert handed() == handed(bound_until(1)) == Grant(changed, None, hour(1))
    assert handed(bound_until(3), bound_until(2)) == Grant(changed, None, hour(3))
    assert handed(bound_until(3), bound_until(None)) == Grant(changed, None, None)
