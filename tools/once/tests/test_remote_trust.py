"""What is believed, and who may read and write."""

import shutil
import subprocess
from contextlib import closing
from dataclasses import replace
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

from once.remote import from_environment
from once.remote.action_result import parse, serialize
from once.remote.protobuf import encode
from once.store import Result


def test_a_damaged_blob_is_a_miss_that_the_next_upload_mends(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), *KEYS)
    digest = sha256(RESULT.log).hexdigest()
    for damage in (RESULT.log[:-1], RESULT.log + b"!", b"x" * len(RESULT.log), b""):
        (nginx.root / "cas" / digest).write_bytes(damage)
        cache = nginx.cache()
        assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, None]
        assert one_message(capsys) == f"blob {digest[:12]} is damaged and ignored, as others like it"
    upload(cache, KEYS[0])
    assert cache.get(KEYS[0]) == RESULT


def test_a_malformed_entry_is_a_miss(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), *KEYS)
    (nginx.root / "ac" / KEYS[0]).write_bytes(b"<html>not found</html>")
    cache = nginx.cache()
    assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, RESULT]
    assert one_message(capsys) == (f"entry {KEYS[0][:12]} is malformed (wire type 4) and ignored, as others like it")


def test_only_a_pass_is_a_hit(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), KEYS[0], result=replace(RESULT, exit_code=1))
    assert nginx.cache().get(KEYS[0]) is None
    assert one_message(capsys) == f"entry {KEYS[0][:12]} is of a job that failed and ignored, as others like it"


def test_an_entry_without_a_manifest_is_a_miss(nginx: Nginx) -> None:
    upload(nginx.cache(), KEYS[0])
    entry = parse((nginx.root / "ac" / KEYS[0]).read_bytes())
    without = serialize(type(entry)(exit_code=0, log=entry.log, files=(), symlinks=(), nanoseconds=0))
    (nginx.root / "ac" / KEYS[0]).write_bytes(without)
    assert nginx.cache().get(KEYS[0]) is None


def test_a_signed_entry_is_believed_even_if_the_server_added_to_it(
    nginx: Nginx, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(nginx.cache(secret=SECRET), KEYS[0])
    entry = nginx.root / "ac" / KEYS[0]
    assert nginx.cache(secret=SECRET).get(KEYS[0]) == RESULT
    entry.write_bytes(encode((99, b"added")) + entry.read_bytes())
    assert nginx.cache(secret=SECRET).get(KEYS[0]) == RESULT
    assert nginx.cache(secret=None).get(KEYS[0]) == RESULT
    assert capsys.readouterr().err == ""


def test_a_tampered_entry_is_refused(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(secret=SECRET), KEYS[0], KEYS[1])
    other = Result(exit_code=0, log=b"1 passed", outputs={}, seconds=1.5, manifest=b"other")
    upload(nginx.cache(secret=SECRET), KEYS[2], result=other)
    entry, of_other_key = (nginx.root / "ac" / key for key in (KEYS[0], KEYS[2]))
    good = entry.read_bytes()
    changed_file = good.replace(b"build/run", b"build/rum")
    changed_log = good.replace(sha256(RESULT.log).hexdigest().encode(), sha256(b"1 passed").hexdigest().encode())
    for bad in (changed_file, changed_log.replace(b"\x10\x12", b"\x10\x08"), of_other_key.read_bytes()):
        assert bad != good
        entry.write_bytes(bad)
        cache = nginx.cache(secret=SECRET)
        assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, RESULT]
        assert one_message(capsys) == (
            f"entry {KEYS[0][:12]} is wrongly signed and ignored, as others like it: was it another secret?"
        )


def test_an_unsigned_entry_is_refused_where_a_secret_is_set(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), *KEYS)
    cache = nginx.cache(secret=SECRET)
    assert [cache.get(key) for key in KEYS] == [None] * 3
    assert one_message(capsys) == (
        f"entry {KEYS[0][:12]} is not signed and ignored, as others like it: was it another secret?"
    )


def test_user_and_password_come_from_the_address(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), KEYS[0])
    known, unknown = (nginx.cache(f"ci:{password}@{{}}/password") for password in ("p%40ss", "hunter2"))
    assert known.get(KEYS[0]) == RESULT
    assert [unknown.get(KEYS[0]), unknown.get(KEYS[0])] == [None, None]
    said = capsys.readouterr().err
    address = f"http://127.0.0.1:{nginx.port}/password"
    assert said == f"once: remote {address}: GET is answered with 401 Unauthorized; going on without it\n"


def test_a_token_is_sent_as_bearer_in_place_of_the_password(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), KEYS[0])
    assert nginx.cache("ci:p%40ss@{}/token", token="t0ken").get(KEYS[0]) == RESULT
    environ = {"ONCE_REMOTE": f"http://127.0.0.1:{nginx.port}/token", "ONCE_REMOTE_TOKEN": "t0ken\n"}
    remote = from_environment(environ)
    assert remote is not None
    with closing(remote):
        assert remote.get(KEYS[0]) == RESULT
    assert nginx.cache("{}/token", token="other").get(KEYS[0]) is None
    assert one_message(capsys) == "GET is answered with 403 Forbidden; going on without it"


def test_certificates_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    request += ["-subj", "/CN=once", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*request, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    tls = f"ssl; ssl_certificate {certificate}; ssl_certificate_key {key}"
    with closing(Nginx(tmp_path, tls=tls)) as server:
        assert server.cache().get(KEYS[0]) is None
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        upload(server.cache(), KEYS[0])
        assert server.cache().get(KEYS[0]) == RESULT
    assert one_message(capsys).startswith("GET fails (SSLCertVerificationError: ")
