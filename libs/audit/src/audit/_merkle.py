"""Merkle trees as in RFC 6962, section 2.1: one hash that commits to a list, its order and its length.

Every hash is SHA-256: 0x00 goes before what a leaf says and 0x01 before two nodes, so that neither passes for the
other.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

type Hash = bytes
HASH_BYTES = 32


def leaf_hash(content: bytes) -> Hash:
    """Return the hash of one entry of the list."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Return the hash of two subtrees, the left one being complete."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows, and keeps of itself no more than the roots of its complete subtrees.

    `nodes` holds one hash for each 1 in the binary form of `size`, largest subtree first.

    >>> tree = Tree()
    >>> for entry in (b"a", b"b", b"c"):
    ...     _ = tree.add(leaf_hash(entry))
    >>> tree.size, len(tree.nodes)
    (3, 2)
    >>> tree.root() == node_hash(node_hash(leaf_hash(b"a"), leaf_hash(b"b")), leaf_hash(b"c"))
    True

    Raises:
        ValueError: the nodes are not those of a tree of this size.
    """

    def __init__(self, size: int = 0, nodes: Iterable[Hash] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if size < 0 or len(self.nodes) != size.bit_count():
            raise ValueError(f"A tree of {size} leaves does not have {len(self.nodes)} complete subtrees.")

    def add(self, node: Hash, *, height: int = 0) -> list[Hash]:
        """Append a leaf, or a complete subtree of 2**height leaves; return the subtrees that it completes.

        The first of them is the node itself, and each next one is twice as large.

        Raises:
            ValueError: a subtree of that height cannot come next.
        """
        if self.size % (1 << height):
            raise ValueError(f"After {self.size} leaves no subtree of {1 << height} can begin.")
        completed, rest = [node], self.size >> height
        while rest & 1:
            completed.append(node_hash(self.nodes.pop(), completed[-1]))
            rest >>= 1
        self.nodes.append(completed[-1])
        self.size += 1 << height
        return completed

    def root(self) -> Hash:
        """Return the hash that commits to everything; that of nothing is SHA-256 of the empty text."""
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        *larger, root = self.nodes
        for node in reversed(larger):
            root = node_hash(node, root)
        return root


def inclusion_path(index: int, size: int, root_of: Callable[[int, int], Hash]) -> list[Hash]:
    """Return what proves that a leaf is in a tree, beginning beside the leaf (RFC 6962, 2.1.1).

    `root_of(start, stop)` is the root of the leaves from start to before stop; start is a multiple of the largest
    power of two below the number of leaves asked for, and so of 1 << 8 where that many are asked for.

    Raises:
        IndexError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"A tree of {size} leaves has no leaf {index}.")
    path, start, stop = [], 0, size
    while stop - start > 1:
        middle = start + (1 << ((stop - start - 1).bit_length() - 1))
        if index < middle:
            path.append(root_of(middle, stop))
            stop = middle
        else:
            path.append(root_of(start, middle))
            start = middle
    return path[::-1]


def root_from_path(leaf: Hash, index: int, size: int, path: Sequence[Hash]) -> Hash | None:
    """Return the root that a path leads to, or None where it is too short or too long (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(beside, root)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            root = node_hash(root, beside)
        node >>= 1
        last >>= 1
    return root if last == 0 else None
