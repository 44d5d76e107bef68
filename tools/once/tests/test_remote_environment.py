"""Which remote the environment names."""

from pathlib import Path

import pytest

from once.remote import from_environment
from once.remote.http_cache import HttpCache

URL = "https://ci:pw@cache.example:8443/main/"


def opened(**environ: str) -> HttpCache:
    remote = from_environment({"ONCE_REMOTE": URL} | environ)
    assert isinstance(remote, HttpCache)
    return remote


def test_no_address_no_remote() -> None:
    assert from_environment({}) is None
    assert from_environment({"ONCE_REMOTE": " ", "ONCE_REMOTE_SECRET": "s"}) is None


def test_an_address_names_a_remote_and_messages_do_not_name_its_password() -> None:
    remote = opened()
    assert remote.name == "https://cache.example:8443/main/"
    assert (remote.readonly, remote.secret) == (False, None)


@pytest.mark.parametrize(
    ("environ", "readonly"),
    [
        ({"ONCE_REMOTE_READONLY": "1"}, True),
        ({"ONCE_REMOTE_READONLY": "true"}, True),
        ({"ONCE_REMOTE_READONLY": "0"}, False),
        ({"ONCE_REMOTE_READONLY": ""}, False),
        ({"GITHUB_EVENT_NAME": "push"}, False),
        ({"GITHUB_EVENT_NAME": "pull_request"}, True),
        ({"GITHUB_EVENT_NAME": "pull_request_target"}, True),
        ({"GITHUB_EVENT_NAME": "pull_request", "ONCE_REMOTE_READONLY": "0"}, True),
    ],
)
def test_who_may_upload(environ: dict[str, str], *, readonly: bool) -> None:
    assert opened(**environ).readonly is readonly


def test_the_secret_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"from a file\n")
    assert opened(ONCE_REMOTE_SECRET="from a variable\n").secret == b"from a variable"
    assert opened(ONCE_REMOTE_SECRET="").secret is None
    assert opened(ONCE_REMOTE_SECRET="other", ONCE_REMOTE_SECRET_FILE=str(file)).secret == b"from a file"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ONCE_REMOTE": "https://"}, "ONCE_REMOTE is no address such as https://cache.example/instance"),
        ({"ONCE_REMOTE": "http://h/?a=b"}, "ONCE_REMOTE is no address such as https://cache.example/instance"),
        ({"ONCE_REMOTE": "https://h:port"}, "Port could not be cast to integer value as 'port'"),
        ({"ONCE_REMOTE_TOKEN": "a\nb"}, "ONCE_REMOTE_TOKEN is no bearer token: it holds characters that no header may"),
        ({"ONCE_REMOTE_SECRET_FILE": "/dev/null"}, "ONCE_REMOTE_SECRET_FILE: /dev/null is empty"),
        ({"ONCE_REMOTE_SECRET_FILE": "/nowhere"}, "[Errno 2] No such file or directory: '/nowhere'"),
    ],
)
def test_a_remote_that_is_named_wrongly_is_said_and_done_without(
    environ: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert from_environment({"ONCE_REMOTE": URL} | environ) is None
    assert capsys.readouterr().err == f"once: remote: {said}; going on without it\n"
