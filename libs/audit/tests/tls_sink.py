"""A collector: syslog over TLS on loopback, each message a line of a file. It ends as a machine does that loses power.

    python tls_sink.py CERTIFICATE KEY PORT FILE [DIE_AFTER]

It says `ready PORT` once it listens. After DIE_AFTER messages it kills itself, with half of a batch read.
"""

import os
import signal
import socket
import ssl
import sys
from pathlib import Path


def messages_in(connection: ssl.SSLSocket) -> list[bytes]:
    """Return the next messages of a connection, by their lengths (RFC 5425, 4.3); empty at its end."""
    waiting = _WAITING.pop(connection, b"")
    while True:
        found = []
        while (space := waiting.find(b" ")) > 0 and len(waiting) > space + int(waiting[:space]):
            end = space + 1 + int(waiting[:space])
            found.append(waiting[space + 1 : end])
            waiting = waiting[end:]
        if found:
            _WAITING[connection] = waiting
            return found
        data = connection.recv(4096)
        if not data:
            return []
        waiting += data


_WAITING: dict[ssl.SSLSocket, bytes] = {}


def main(certificate: str, key: str, port: str, file: str, die_after: str = "0") -> None:
    """Serve one connection after the other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", int(port)))
    sys.stdout.write(f"ready {listener.getsockname()[1]}\n")
    sys.stdout.flush()
    left = int(die_after)
    with Path(file).open("ab", buffering=0) as kept:
        while True:
            plain, _ = listener.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    while found := messages_in(connection):
                        for message in found:
                            kept.write(message + b"\n")
                            left -= 1
                            if left == 0:
                                os.kill(os.getpid(), signal.SIGKILL)
                    connection.unwrap()
            except OSError as error:
                sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
