"""What is written to a remote and read back, on a real server."""

from hashlib import sha256
from pathlib import Path

import pytest
from remote_server import (
    KEYS,
    RESULT,
    SECRET,
    Nginx,
    nginx_fixture,  # noqa: F401 -- pytest finds the fixture by its presence here
    one_message,
    upload,
)

from once.remote.action_result import parse
from once.store import LocalStore, Result


def test_a_result_comes_back_as_it_was(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), KEYS[0])
    assert nginx.objects() == ["ac"] + ["cas"] * 5
    assert nginx.cache().get(KEYS[0]) == RESULT
    assert capsys.readouterr().err == ""


def test_the_entry_is_an_action_result_whose_files_include_the_manifest(nginx: Nginx) -> None:
    upload(nginx.cache(), KEYS[0])
    entry = parse((nginx.root / "ac" / KEYS[0]).read_bytes())
    assert [(file.path, file.is_executable) for file in entry.files] == [
        (".once-manifest", False),
        ("build/empty", False),
        ("build/run", True),
        ("build/tests/a.xml", False),
    ]
    assert entry.files[0].digest.sha256 == sha256(RESULT.manifest).hexdigest()
    assert [(link.path, link.target) for link in entry.symlinks] == [("build/latest", "tests/a.xml")]
    assert entry.nanoseconds == 1_500_000_000


def test_the_entry_is_written_when_its_blobs_are_there(nginx: Nginx) -> None:
    upload(nginx.cache(), KEYS[0])
    assert [line.split("/")[1] for line in nginx.requests()] == ["cas"] * 5 + ["ac"]


def test_what_is_not_there_is_a_silent_miss(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    assert nginx.cache().get(KEYS[0]) is None
    upload(nginx.cache(), KEYS[0])
    for blob in (RESULT.log, RESULT.manifest, b"#!/bin/sh\n"):
        path = nginx.root / "cas" / sha256(blob).hexdigest()
        path.rename(nginx.root / "evicted")
        assert nginx.cache().get(KEYS[0]) is None
        (nginx.root / "evicted").rename(path)
    assert nginx.cache().get(KEYS[0]) == RESULT
    assert capsys.readouterr().err == ""


def test_an_empty_local_store_is_filled_from_the_remote(nginx: Nginx, tmp_path: Path) -> None:
    first, second = (LocalStore(tmp_path / name) for name in ("first", "second"))
    for key in KEYS:
        first.put(key, RESULT)
        upload(nginx.cache(secret=SECRET), key, result=RESULT)
    remote = nginx.cache(secret=SECRET, readonly=True)
    for key in KEYS:
        found = remote.get(key)
        assert found is not None
        second.put(key, found)
    assert [second.get(key) for key in KEYS] == [first.get(key) for key in KEYS] == [RESULT] * 3


def test_one_connection_serves_a_run(nginx: Nginx) -> None:
    upload(nginx.cache(), KEYS[0])
    cache = nginx.cache()
    assert cache.get(KEYS[0]) == RESULT
    (nginx.root / "cas" / sha256(RESULT.log).hexdigest()).unlink()  # the answer is then longer than the log was
    assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, None]
    gets = [line.split() for line in nginx.requests() if line.startswith("GET")]
    assert [int(requests) for *_, requests in gets] == list(range(1, len(gets) + 1))
    assert gets[-1][:3] == ["GET", f"/ac/{KEYS[1]}", "404"]


def test_a_connection_that_the_server_has_closed_is_opened_again(
    nginx: Nginx, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(nginx.cache(), KEYS[0])
    cache = nginx.cache()
    assert cache.get(KEYS[0]) == RESULT
    nginx.kill()
    nginx.start()
    assert cache.get(KEYS[0]) == RESULT
    assert capsys.readouterr().err == ""


def test_blobs_are_shared_and_found_by_their_digest(nginx: Nginx) -> None:
    cache = nginx.cache()
    cache.put_blob(b"shared")
    cache.close(seconds=30)
    digest = sha256(b"shared").hexdigest()
    assert (nginx.root / "cas" / digest).read_bytes() == b"shared"
    assert cache.get_blob(digest) == b"shared"
    assert cache.get_blob(KEYS[0]) is None


def test_a_large_output_comes_back(nginx: Nginx) -> None:
    large = Result(exit_code=0, log=b"", outputs={"big": ("100644", bytes(20_000_000))}, seconds=0.0, manifest=b"m")
    upload(nginx.cache(), KEYS[0], result=large)
    assert nginx.cache().get(KEYS[0]) == large


def test_readonly_never_puts(nginx: Nginx) -> None:
    cache = nginx.cache(readonly=True)
    cache.put_blob(b"blob")
    upload(cache, *KEYS)
    assert cache.get(KEYS[0]) is None
    assert [line.split()[0] for line in nginx.requests()] == ["GET"]


@pytest.mark.parametrize("path", ["../outside", "a/\udcff"])
def test_a_result_that_could_not_be_restored_is_not_uploaded(
    nginx: Nginx, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Result(exit_code=0, log=b"", outputs={path: ("100644", b"")}, seconds=0.0, manifest=b"")
    cache = nginx.cache()
    cache.put(KEYS[0], bad)
    upload(cache, KEYS[1])
    assert one_message(capsys).startswith("a result is not uploaded: ")
    assert [entry.name for entry in (nginx.root / "ac").iterdir()] == [KEYS[1]]
