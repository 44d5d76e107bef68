import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--edits", type=int, default=1500, help="how many random edits the property test does (issue: 10000)"
    )
