"""What differs between two manifests: `libs/rbac/src/rbac/policy.py 3f2a -> 91bc`, `django 6.1.2 -> 6.1.3`."""

from collections.abc import Callable, Iterator, Mapping

SHORT = 7  # hexadecimal digits, as git shows


def parse(text: bytes) -> dict[str, str]:
    """Return the lines of a manifest or a listing by name."""
    lines = text.decode(errors="surrogateescape").splitlines()
    return {name: value for name, _, value in (line.partition("\t") for line in lines)}


def distance(old: Mapping[str, str], new: Mapping[str, str]) -> int:
    """Return how many lines differ."""
    return sum(old.get(name) != new.get(name) for name in old.keys() | new.keys())


def between(old: Mapping[str, str], new: Mapping[str, str], listing: Callable[[str], bytes | None]) -> Iterator[str]:
    """Yield a line for each difference, sorted by name; lists are compared file by file, as far as they are known.

    Args:
        old: A manifest, parsed.
        new: Another.
        listing: Returns a list by its digest.
    """
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        lists = [None if each is None else listing(each) for each in (before, after)]
        known = [parse(text) for text in lists if text is not None]
        if len(known) == (before is not None) + (after is not None):
            yield from _entries(known[0] if before is not None else {}, known[-1] if after is not None else {})
        else:
            yield f"{name} {_short(before)} -> {_short(after)}"


def _entries(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield f"{name} {_entry(before, after)}"


def _entry(before: str | None, after: str | None) -> str:
    """Return `3f2a -> 91bc`: what differs of `mode digest` or `version digest`."""
    if before is None or after is None:
        return "added" if before is None else "removed"
    olds, news = before.split(" "), after.split(" ")
    # The same version under another digest: the artifacts or what it depends on changed.
    if olds[0] != news[0]:
        return f"{olds[0]} -> {news[0]}"
    return f"{_short(olds[-1])} -> {_short(news[-1])}"


def _short(value: str | None) -> str:
    if value is None:
        return "(none)"
    is_digest = len(value) in {40, 64} and not set(value) - set("0123456789abcdef")
    return value[:SHORT] if is_digest else value
