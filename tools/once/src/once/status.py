"""What a run shows while it runs: one line that is rewritten on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Status:
    """Lines on stderr: stdout is for answers."""

    total: int
    live: bool = field(default_factory=sys.stderr.isatty)
    finished: int = 0
    _began: float = field(default_factory=time.monotonic)
    _shown: bool = False

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def log(self, text: bytes) -> None:
        """Print a job's output as it is."""
        self.clear()
        sys.stderr.flush()
        sys.stderr.buffer.write(text if not text or text.endswith(b"\n") else text + b"\n")
        sys.stderr.buffer.flush()

    def show(self, running: Iterable[tuple[str, float]]) -> None:
        """Rewrite the live line: what runs, each since when."""
        if not self.live:
            return
        now = time.monotonic()
        jobs = ", ".join(f"{name} {now - since:.0f} s" for name, since in running)
        text = f"[{self.finished}/{self.total}] {now - self._began:.0f} s  {jobs}"
        sys.stderr.write(f"\r\x1b[2K{text[: os.get_terminal_size(2).columns - 1]}")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the live line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            self._shown = False
