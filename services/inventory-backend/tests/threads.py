"""Several clients at once, each with a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections


def at_once[T](count: int, act: Callable[[int], T]) -> list[T]:
    """Run `act(0)` to `act(count - 1)` in threads that start together; return what they returned."""
    start = Barrier(count)

    def run(number: int) -> T:
        try:
            start.wait(timeout=300)
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
