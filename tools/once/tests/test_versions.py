"""A cache that another version of once has written: what is not understood is a miss, and crashes nothing."""

import marshal
from hashlib import blake2b, sha256

import pytest
from workspaces import Workspace, workspace

from once import memo
from once.store import LocalStore

KEY = "ab" * 32


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace in which all is cached; each test leaves it so."""
    made = workspace(tmp_path_factory.mktemp("used"), {"base": [], "app": ["base"]})
    assert set(made.statuses().values()) == {"passed"}
    return made


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (b'"listed"', b'"folders"'),
        (b'"exit_code": 0, ', b""),
        (b'"outputs": [', b'"outputs": [["only a path"], '),
        (b"{", b"[]{"),
    ],
)
def test_a_result_is_a_miss(used: Workspace, text: bytes, other: bytes) -> None:
    for file in (used.cache / "ac").iterdir():
        body = file.read_bytes().partition(b"\n")[2]
        assert text in body
        body = body.replace(text, other, 1)
        file.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
    for file in (used.root / "packages").glob("*/out/r"):
        file.write_text("spoiled")  # so that the results are read
    assert set(used.statuses().values()) == {"passed"}
    assert set(used.statuses().values()) == {"hit"}


def test_the_history_is_left_out(used: Workspace) -> None:
    store = LocalStore(used.cache)
    known = store.history()
    lists = {each.lists for passes in known.values() for each in passes}
    with (used.cache / "history").open("a", encoding="utf-8") as file:
        file.write(f"\nx\ntests(app)\t1.5\ntests(app) packages/app\t{KEY}\t1.500\t\n")
    assert store.history() == known
    used.write("packages/base/src/m0.py", "x = 9\n")
    assert used.once("why", "app", "tests").returncode == 0
    assert all(store.lists(each).is_file() for each in lists)
    assert used.once("plan", "tests").returncode == 0
    assert set(used.statuses().values()) == {"passed"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"no marshal",
        marshal.dumps([]),
        marshal.dumps({"index": 1}),
        marshal.dumps({"schema": ("1", 1, "3")}),
    ],
)
def test_a_memo_is_none(used: Workspace, body: bytes) -> None:
    for file in (used.cache / "state").iterdir():
        file.write_bytes(blake2b(body, digest_size=memo.SUM).digest() + body)
    assert set(used.statuses().values()) == {"hit"}
