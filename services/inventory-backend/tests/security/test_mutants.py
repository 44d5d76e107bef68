"""The planted bugs: the table speaks of the code as it is, and a run ends as failed where one goes unseen."""

from pathlib import Path

import pytest

from tests.security.mutants import ROOT, SERVICE, Guard, guards, main, survivors

TEST = """
from guard import is_allowed


def test_nobody_is_allowed():
    assert not is_allowed("")
"""


def test_each_guard_is_where_the_table_says() -> None:
    table = guards()
    assert len(table) == len({guard.name for guard in table}) >= 35
    for guard in table:
        assert (ROOT / guard.file).read_text(encoding="utf-8").count(guard.text) == 1, guard.name
        if guard.package != SERVICE:
            continue  # a library's tests are its own: a change of theirs is none of the service
        path, _, test = guard.selection.partition("::")
        source = (ROOT / guard.package / path).read_text(encoding="utf-8")
        assert f"def {test.partition('[')[0]}(" in source, guard.name


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a tree of one guard and its test."""
    folder = tmp_path / SERVICE
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --disable-plugin-autoload\n", encoding="utf-8")
    (folder / "guard.py").write_text("def is_allowed(name):\n    return name != ''\n", encoding="utf-8")
    (folder / "test_guard.py").write_text(TEST, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "instead", "reason"),
    [
        ("name != ''", "True", ""),
        ("name != ''", "bool(name)", "pytest ended with 0"),
        ("name != 'x'", "True", "its text is 0 times in"),
        ("name", "True", "its text is 2 times in"),
        ("name != ''", "(", "pytest ended with"),
    ],
    ids=["caught", "survives", "not there", "there twice", "breaks the test"],
)
def test_only_a_failing_test_catches_a_bug(tree: Path, text: str, instead: str, reason: str) -> None:
    guard = Guard(
        name="names",
        file=f"{SERVICE}/guard.py",
        text=text,
        instead=instead,
        test="test_guard.py::test_nobody_is_allowed",
    )
    before = (tree / guard.file).read_text(encoding="utf-8")
    found = [said.startswith(reason) for _, said in survivors(tree, [guard])]
    assert found == ([True] if reason else [])
    assert (tree / guard.file).read_text(encoding="utf-8") == before


def test_a_name_that_no_guard_has_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no such guard"]) == 1
    assert capsys.readouterr().out == "No guard is called no such guard.\n"
