"""The remote in a bucket: the same layout, through obstore."""

import sys
from pathlib import Path

import pytest

from once.remote import from_environment
from once.store import Result

KEY = "ab" * 32
RESULT = Result(
    exit_code=0, log=b"1 passed\n", outputs={"build/run": ("100755", b"#!/bin/sh\n")}, seconds=1.5, manifest=b"a b\n"
)


def test_without_obstore_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "once.remote.bucket_cache", raising=False)
    assert from_environment({"ONCE_REMOTE": "s3://bucket/prefix"}) is None
    assert capsys.readouterr().err == ("once: remote: s3:// needs obstore: install once[s3]; going on without it\n")


class TestWithObstore:
    @pytest.fixture(autouse=True)
    def _obstore(self) -> None:
        pytest.importorskip("obstore", reason="the extra once[s3] is not installed")

    def test_a_result_comes_back_as_it_was(self, tmp_path: Path) -> None:
        environ = {"ONCE_REMOTE": tmp_path.as_uri(), "ONCE_REMOTE_SECRET": "s"}
        writer, reader = from_environment(environ), from_environment(environ)
        assert writer is not None
        assert reader is not None
        assert reader.get(KEY) is None
        writer.put(KEY, RESULT)
        writer.close(seconds=30)
        assert reader.get(KEY) == RESULT
        assert sorted(path.parent.name for path in tmp_path.rglob("*") if path.is_file()) == ["ac", "cas", "cas", "cas"]

    def test_a_bucket_that_cannot_be_reached_is_said_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "r"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        remote = from_environment({"ONCE_REMOTE": "s3://bucket/prefix", "AWS_ALLOW_HTTP": "true"})
        assert remote is not None
        assert [remote.get(KEY), remote.get(KEY)] == [None, None]
        remote.put(KEY, RESULT)
        remote.close(seconds=30)
        message = capsys.readouterr().err
        assert message.startswith("once: remote s3://bucket/prefix: reading fails (")
        assert "error sending request" in message
        assert message.count("\n") == 1

    def test_an_address_that_names_no_bucket_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert from_environment({"ONCE_REMOTE": "ftp://cache.example"}) is None
        assert capsys.readouterr().err == (
            "once: remote: ONCE_REMOTE=ftp://cache.example: Generic URL error: "
            'Unable to recognise URL "ftp://cache.example/"; going on without it\n'
        )
