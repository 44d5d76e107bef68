"""Calls that come together are served together, and nobody waits for ever."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from apps.common.groups import Together


class Kitchen:
    """Serves groups of numbers; the first group waits until the test lets it go on."""

    def __init__(self, cook: Callable[[int], int | None]) -> None:
        self.groups: list[list[int]] = []
        self.is_busy, self.may_go_on = Event(), Event()
        self._cook = cook

    def __call__(self, calls: Sequence[int]) -> list[int | None]:
        self.groups.append(list(calls))
        if not self.is_busy.is_set():
            self.is_busy.set()
            assert self.may_go_on.wait(timeout=30)
        return [self._cook(call) for call in calls]


def _served(kitchen: Kitchen, count: int) -> list[int | None]:
    """Call 0 first, and all others while it is being served; return the answers."""
    together = Together(kitchen)
    with ThreadPoolExecutor(count) as pool:
        calls: list[Future[int | None]] = [pool.submit(together, 0)]
        assert kitchen.is_busy.wait(timeout=30)
        calls += [pool.submit(together, number) for number in range(1, count)]
        while len(together._waiting) < count - 1:  # noqa: SLF001  (there is no other way to know that they wait)
            pass
        kitchen.may_go_on.set()
        return [call.result(timeout=30) for call in calls]


def test_who_comes_while_others_are_served_is_served_next_with_all_who_came() -> None:
    kitchen = Kitchen(lambda call: call * 10)
    assert _served(kitchen, 9) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert [len(group) for group in kitchen.groups] == [1, 8]


def test_who_cannot_be_served_with_the_others_is_told_so() -> None:
    kitchen = Kitchen(lambda call: None if call % 2 else call)
    assert _served(kitchen, 5) == [0, None, 2, None, 4]


def test_a_group_that_fails_goes_apart_and_the_next_is_served() -> None:
    def cook(call: int) -> int:
        if call == 0:
            raise RuntimeError("burnt")
        return call

    kitchen = Kitchen(cook)
    assert _served(kitchen, 4) == [None, 1, 2, 3]
    assert [len(group) for group in kitchen.groups] == [1, 3]


def test_a_leader_that_is_stopped_leaves_nobody_waiting() -> None:
    def cook(call: int) -> int:
        if call == 0:
            raise KeyboardInterrupt
        return call

    kitchen = Kitchen(cook)
    with pytest.raises(KeyboardInterrupt):
        _served(kitchen, 4)
    assert [len(group) for group in kitchen.groups] == [1, 3]


def test_calls_one_after_the_other_are_groups_of_one() -> None:
    kitchen = Kitchen(lambda call: call)
    kitchen.may_go_on.set()
    together = Together(kitchen)
    assert [together(number) for number in range(3)] == [0, 1, 2]
    assert kitchen.groups == [[0], [1], [2]]
