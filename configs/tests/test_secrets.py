"""Secrets by reference: only what is meant to be one, and never its value in an error."""

from pathlib import Path

import pytest

from configs import SecretUnavailable, is_secret_reference, secret


def test_a_variable_and_a_file_are_read_as_they_are_now(tmp_path: Path) -> None:
    file = tmp_path / "acme"
    file.write_text("first\n")
    found = [secret("file:acme", folder=tmp_path).get_secret_value()]
    file.write_text("second\n")
    found.append(secret("file:acme", folder=tmp_path).get_secret_value())
    found.append(secret("env:SSO_SECRET_A", folder=tmp_path, environ={"SSO_SECRET_A": "third"}).get_secret_value())

    assert found == ["first", "second", "third"]


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "secret",
        "env:",
        "env:PATH",
        "env:INVENTORY_SECRET_KEY",
        "env:SSO_SECRET_",
        "env:SSO_SECRET_A\n",
        "file:",
        "file:..",
        "file:../etc/passwd",
        "file:/etc/passwd",
        "file:.hidden",
        "file:a/b",
        "file:a\0",
    ],
)
def test_nothing_else_of_the_process_can_be_named(reference: str, tmp_path: Path) -> None:
    environ = {"PATH": "canary", "INVENTORY_SECRET_KEY": "canary", "SSO_SECRET_": "canary"}

    assert not is_secret_reference(reference)
    with pytest.raises(SecretUnavailable) as caught:
        secret(reference, folder=tmp_path, environ=environ)
    assert "canary" not in str(caught.value)


def test_a_secret_that_is_absent_or_empty_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    for reference, environ in (
        ("env:SSO_SECRET_A", {}),
        ("env:SSO_SECRET_A", {"SSO_SECRET_A": " "}),
        ("file:empty", {}),
        ("file:absent", {}),
    ):
        with pytest.raises(SecretUnavailable, match="try again"):
            secret(reference, folder=tmp_path, environ=environ)
