import pytest
from hypothesis import HealthCheck, settings

# How fast data is made says how busy the machine is, and nothing of the code.
settings.register_profile("once", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("once")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--edits", type=int, default=600, help="how many random edits the property test does; 10000 before a release"
    )
