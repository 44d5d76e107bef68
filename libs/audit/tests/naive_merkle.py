"""RFC 6962, section 2.1, word for word: recursive, slow, and written apart from the library's own tree."""

from hashlib import sha256


def root(entries: list[bytes]) -> bytes:
    match entries:
        case []:
            return sha256().digest()
        case [entry]:
            return sha256(b"\x00" + entry).digest()
    k = split(len(entries))
    return sha256(b"\x01" + root(entries[:k]) + root(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), root(entries[k:])]
    return [*path(m - k, entries[k:]), root(entries[:k])]


def split(n: int) -> int:
    """Return the largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k
