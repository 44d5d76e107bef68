"""A sink has what it was sent, or says so: real TLS on loopback, and real files."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from authority import Authority
from collector import collecting

from audit import Line, NotDelivered, UnknownSink, sink_at
from audit._syslog import framed

AT = "2026-11-23T10:30:00.250000Z"
HOST = socket.gethostname()


def lines(*texts: str) -> list[Line]:
    return [Line(text=text, at=AT, action="item.made") for text in texts]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_message_is_rfc_5424_behind_its_length_in_bytes() -> None:
    message = f"<109>1 {AT} {HOST} inventory - item.made - ä"
    assert framed("ä", at=AT, action="item.made") == f"{len(message) + 1} {message}".encode()
    grave = f"<108>1 {AT} {HOST} inventory - ab{30 * 'c'} - x"
    assert framed("x", at=AT, action="a b\n" + 40 * "c", is_grave=True) == f"{len(grave)} {grave}".encode()


def test_l5_a_collector_gets_every_line_in_order_over_tls(authority: Authority, tmp_path: Path) -> None:
    sent = lines(*(f"{n} ä" for n in range(2_000)))
    with collecting(authority, tmp_path / "kept") as collector:
        sink = sink_at(collector.address, authorities=authority.file)
        sink.deliver(sent[:1_500])
        sink.deliver(sent[1_500:])

        assert collector.received() == [f"<109>1 {AT} {HOST} inventory - item.made - {line.text}" for line in sent]


def test_l5_a_collector_that_dies_halfway_did_not_get_it(authority: Authority, tmp_path: Path) -> None:
    with collecting(authority, tmp_path / "kept", die_after=3) as collector:
        with pytest.raises(NotDelivered):
            sink_at(collector.address, authorities=authority.file).deliver(lines(*"abcdef"))
        assert len(collector.received()) == 3


def test_l5_only_a_collector_that_proves_its_name_gets_anything(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    kept = tmp_path / "kept"
    with collecting(stranger, kept) as collector, pytest.raises(NotDelivered, match="CERTIFICATE_VERIFY_FAILED"):
        sink_at(collector.address, authorities=authority.file).deliver(lines("secret"))
    with collecting(authority, kept) as collector, pytest.raises(NotDelivered, match="Hostname mismatch"):
        elsewhere = f"syslog+tls://localhost:{collector.port}"
        sink_at(elsewhere, authorities=authority.file).deliver(lines("secret"))

    assert kept.read_bytes() == b""


def test_l5_a_collector_that_hangs_up_without_a_word_did_not_get_it(authority: Authority) -> None:
    """It read everything, and its end of the stream is a FIN: who was killed sends no more than that either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify("127.0.0.1"))
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        plain, _ = listener.accept()
        connection = context.wrap_socket(plain, server_side=True)
        while connection.recv(4096):
            pass
        connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with listener, pytest.raises(NotDelivered):
        address = f"syslog+tls://127.0.0.1:{listener.getsockname()[1]}"
        sink_at(address, authorities=authority.file).deliver(lines("a"))
    thread.join()


def test_a_file_grows_by_a_line_for_each_event(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    sink = sink_at(f"file://{kept}")

    sink.deliver(lines("a", "ä"))
    sink.deliver(lines("c"))

    assert kept.read_text(encoding="utf-8") == "a\nä\nc\n"
    assert oct(kept.stat().st_mode)[-3:] in {"640", "600"}
    kept.rename(tmp_path / "rotated")
    sink.deliver(lines("d"))
    assert kept.read_text(encoding="utf-8") == "d\n"


def test_a_line_that_a_crash_tore_is_ended_before_the_next(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("a\nhal", encoding="utf-8")

    sink_at(f"file://{kept}").deliver(lines("half"))

    assert kept.read_text(encoding="utf-8") == "a\nhal\nhalf\n"


def test_a_file_that_cannot_be_written_did_not_get_it(tmp_path: Path) -> None:
    with pytest.raises(NotDelivered, match="No such file"):
        sink_at(f"file://{tmp_path}/nowhere/kept").deliver(lines("a"))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "collector:6514",
        "syslog://collector",
        "syslog+tls://",
        "syslog+tls://collector:0",
        "syslog+tls://collector:x",
        "syslog+tls://user@collector",
        "syslog+tls://collector/path",
        "syslog+tls://collector?format=cef",
        "file://host/path",
        "file:///",
        "file://",
    ],
)
def test_an_address_that_is_no_sink_is_refused(address: str) -> None:
    with pytest.raises(UnknownSink, match=r"Name a sink as syslog\+tls://host:6514 or file:///folder/name\."):
        sink_at(address)
