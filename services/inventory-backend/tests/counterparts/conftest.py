"""Where `nox -s sso` put the counterparts; without it these tests are not run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what the session installed."""
    parser.addoption("--node", default="", help="The command that runs JavaScript.")
    parser.addoption("--oidc", default="", help="The folder with provider.mjs and its node_modules.")
    parser.addoption("--scim", default="", help="The command that tests a SCIM server.")
    parser.addoption("--pysaml2", default="", help="A Python that has pysaml2.")
