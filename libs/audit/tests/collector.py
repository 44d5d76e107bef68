"""The process of `tls_sink.py`, started and ended by tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from authority import Authority


@dataclass(frozen=True, kw_only=True)
class Collector:
    """What a sink's process has written, and where it listens."""

    file: Path
    port: int
    process: "subprocess.Popen[str]"

    @property
    def address(self) -> str:
        """Return where events go."""
        return f"syslog+tls://127.0.0.1:{self.port}"

    def received(self) -> list[str]:
        """Return the messages, oldest first."""
        return self.file.read_text(encoding="utf-8").splitlines()


@contextmanager
def collecting(authority: Authority, file: Path, *, port: int = 0, die_after: int = 0) -> Iterator[Collector]:
    """Run a collector until the block ends, unless it dies before that."""
    certificate, key = authority.certify("127.0.0.1")
    script = Path(__file__).with_name("tls_sink.py")
    command = [sys.executable, str(script), str(certificate), str(key), str(port), str(file), str(die_after)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            word, listens_at = process.stdout.readline().split()
            assert word == "ready"
            yield Collector(file=file, port=int(listens_at), process=process)
        finally:
            process.kill()
