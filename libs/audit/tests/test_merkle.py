"""The tree, against a second implementation that shares nothing with it."""

import naive_merkle as naive
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import Tree, inclusion_path, leaf_hash, node_hash, root_from_path

ENTRIES = st.lists(st.binary(max_size=8), max_size=70)


def tree_of(entries: list[bytes]) -> Tree:
    tree = Tree()
    for entry in entries:
        tree.add(leaf_hash(entry))
    return tree


@given(entries=ENTRIES)
def test_the_root_is_that_of_the_rfc(entries: list[bytes]) -> None:
    tree = tree_of(entries)

    assert (tree.root(), tree.size) == (naive.root(entries), len(entries))


@given(entries=ENTRIES, more=ENTRIES)
def test_a_tree_grows_on_from_what_was_kept_of_it(entries: list[bytes], more: list[bytes]) -> None:
    kept = tree_of(entries)
    again = Tree(kept.size, kept.nodes)
    for entry in more:
        again.add(leaf_hash(entry))

    assert again.root() == naive.root(entries + more)


@given(entries=st.lists(st.binary(max_size=8), min_size=1, max_size=70), data=st.data())
def test_a_path_is_that_of_the_rfc_and_leads_to_the_root(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))

    path = inclusion_path(index, len(entries), lambda start, stop: tree_of(entries[start:stop]).root())

    assert path == naive.path(index, entries)
    assert root_from_path(leaf_hash(entries[index]), index, len(entries), path) == naive.root(entries)


@given(entries=st.lists(st.binary(max_size=8), min_size=2, max_size=70, unique=True), data=st.data())
def test_no_other_leaf_or_place_or_path_leads_there(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(st.integers(0, len(entries) - 1).filter(lambda number: number != index))
    size, root, path = len(entries), naive.root(entries), naive.path(index, entries)
    leaf = leaf_hash(entries[index])
    bent = data.draw(st.integers(0, len(path) - 1))

    assert root_from_path(leaf_hash(entries[other]), index, size, path) != root
    assert root_from_path(leaf, other, size, path) != root
    assert root_from_path(leaf, index, size, [*path[:bent], leaf_hash(b"bent"), *path[bent + 1 :]]) != root
    assert root_from_path(leaf, index, size, path[:-1]) is None
    assert root_from_path(leaf, index, size, [*path, root]) is None
    assert root_from_path(leaf, size, size, path) is None


@given(tiles=st.integers(0, 5), single=st.integers(0, 7))
def test_complete_subtrees_stand_for_their_leaves(tiles: int, single: int) -> None:
    entries = [bytes([number]) for number in range(8 * tiles + single)]
    tree = Tree()
    for number in range(tiles):
        tree.add(naive.root(entries[8 * number : 8 * number + 8]), height=3)
    for entry in entries[8 * tiles :]:
        tree.add(leaf_hash(entry))

    assert (tree.root(), tree.size) == (naive.root(entries), len(entries))


@given(entries=ENTRIES)
def test_a_leaf_tells_which_subtrees_it_completes(entries: list[bytes]) -> None:
    tree = Tree()
    for size, entry in enumerate(entries, start=1):
        completed = tree.add(leaf_hash(entry))
        assert len(completed) == (size & -size).bit_length()
        for height, node in enumerate(completed):
            assert node == naive.root(entries[size - (1 << height) : size])


def test_a_leaf_cannot_pass_for_two_nodes() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)


def test_known_answers_of_rfc_6962() -> None:
    # The test vectors of Certificate Transparency's own implementation.
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }

    found = {size: tree_of([bytes.fromhex(entry) for entry in entries[:size]]).root().hex() for size in roots}
    assert found == roots


@pytest.mark.parametrize(("size", "nodes"), [(1, []), (2, [b"", b""]), (0, [b""]), (-1, [b""])])
def test_refuses_nodes_that_are_not_those_of_the_size(size: int, nodes: list[bytes]) -> None:
    with pytest.raises(ValueError, match="complete subtrees"):
        Tree(size, nodes)


def test_refuses_a_subtree_where_none_can_begin() -> None:
    with pytest.raises(ValueError, match="can begin"):
        tree_of([b"a"]).add(leaf_hash(b"b"), height=1)


@pytest.mark.parametrize("index", [-1, 3])
def test_refuses_a_path_to_no_leaf(index: int) -> None:
    with pytest.raises(IndexError):
        inclusion_path(index, 3, lambda _start, _stop: b"")
