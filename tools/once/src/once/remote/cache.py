"""The remote as a store of results: what is written where, what is believed, and how long a run waits for it."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import sha256
from queue import SimpleQueue
from threading import Lock, Thread

from once.listed import Listing
from once.remote import signing
from once.remote.action_result import ActionResult, Digest, OutputFile, OutputSymlink, parse, serialize
from once.remote.protobuf import Malformed
from once.store import Result

# An output like the others, so that servers which check that an entry's blobs are there keep it as long as the entry.
_MANIFEST = ".once-manifest"
_EXECUTABLE, _REGULAR, _SYMLINK = "100755", "100644", "120000"
_MAX_ENTRY = 16 * 2**20
_MAX_BLOB = 2**30


class Unreachable(Exception):
    """The remote does not answer, or not in time, or not in its protocol."""


class Refused(Exception):
    """The remote answers, and the answer is no."""


class RemoteStore(ABC):
    """Results in `ac/<key>` (a REAPI ActionResult) and the blobs that they name in `cas/<sha256>`.

    Nothing here raises and nothing blocks for long. `get` waits for at most the run's balance: `patience` seconds, less
    what all waiting took so far, plus what the jobs that came from the remote would have taken. So a slow remote costs
    a run no more than `patience` seconds beyond what it saves. Nobody waits for uploads before `close`. The first
    failure is said once on stderr, and the remote is left alone for the rest of the run. For any number of threads.

    Args:
        name: what messages call it; holds no credentials.
        readonly: whether nothing is uploaded.
        secret: signs what is uploaded; what it has not signed is no hit. None believes whatever the remote says.
        patience: seconds.
    """

    def __init__(self, *, name: str, readonly: bool, secret: bytes | None, patience: float = 20.0) -> None:
        self.name = name
        self.readonly = readonly
        self.secret = secret
        self.balance = patience
        self._patience = patience
        self._is_off = False
        self._lock = Lock()
        self._said: set[str] = set()
        self._uploads: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._uploader: Thread | None = None

    @abstractmethod
    def _read(self, path: str, *, limit: int) -> bytes | None:
        """Returns the object, None if there is none; of one longer than `limit` bytes at least the first limit + 1.

        Raises:
            Unreachable: see there.
            Refused: see there.
        """

    @abstractmethod
    def _write(self, path: str, data: bytes) -> None:
        """Writes the object, in place of one that may be there; raises as `_read`."""

    def get(self, key: str) -> Result | None:
        """Returns the result of the job with this key (64 hex digits), None if it is not there or is not believed."""
        result = self._within_balance(lambda: self._fetch(key))
        if result is not None:
            with self._lock:
                self.balance += result.seconds
        return result

    def put(self, key: str, result: Result) -> None:
        """Uploads the result in the background."""
        self._later(lambda: self._send(key, result))

    def get_blob(self, digest: str) -> bytes | None:
        """Returns the bytes with this sha256 (lower-case hex), None if they are not there."""
        return self._within_balance(lambda: self._fetch_blob(Digest(digest, _MAX_BLOB)))

    def put_blob(self, data: bytes) -> None:
        """Uploads the bytes in the background."""
        self._later(lambda: self._send_blob(Digest.of(data), data))

    def close(self, *, seconds: float = 5.0) -> None:
        """Waits for uploads, for at most so many seconds; says it if some were left. To be called when a run ends."""
        uploader, self._uploader = self._uploader, None
        if uploader is None:
            return
        self._uploads.put(None)
        uploader.join(seconds)
        if uploader.is_alive():
            self._turn_off(f"uploads were not done {seconds:g} s after the run; the rest is left")

    def _within_balance[T](self, read: Callable[[], T | None]) -> T | None:
        if self._is_off:
            return None
        answer: list[T | None] = []

        def work() -> None:
            try:
                answer.append(read())
            except (Unreachable, Refused) as cause:
                self._turn_off(f"{cause}; going on without it")

        # In a thread of its own, since neither a name lookup nor a server that sends a byte now and then can be timed
        # out from within; a daemon, since a process must not wait for it at its end either.
        started = time.monotonic()
        thread = Thread(target=work, daemon=True)
        thread.start()
        thread.join(max(self.balance, 0.0))
        with self._lock:
            self.balance -= time.monotonic() - started
        if thread.is_alive():
            self._turn_off(f"it costs {self._patience:g} s more than it saves; going on without it")
        return answer[0] if answer else None

    def _fetch(self, key: str) -> Result | None:
        entry = self._fetch_entry(key)
        if entry is None:
            return None
        blobs: dict[str, tuple[str, bytes]] = {}
        log = self._fetch_blob(entry.log)
        for file in entry.files:
            data = self._fetch_blob(file.digest)
            if data is None:
                return None
            blobs[file.path] = (_EXECUTABLE if file.is_executable else _REGULAR, data)
        manifest = blobs.pop(_MANIFEST, None)
        if log is None or manifest is None:
            return None
        return Result(
            exit_code=entry.exit_code,
            log=log,
            outputs=blobs | {link.path: (_SYMLINK, link.target.encode()) for link in entry.symlinks},
            seconds=entry.nanoseconds / 1e9,
            manifest=manifest[1],
            absent=entry.absent,
            listed=tuple(Listing(*each) for each in entry.listed),
        )

    def _fetch_entry(self, key: str) -> ActionResult | None:
        data = self._read(f"ac/{key}", limit=_MAX_ENTRY)
        if data is None:
            return None
        try:
            entry = parse(data)
        except Malformed as cause:
            self._say_once("malformed", f"entry {key[:12]} is malformed ({cause}) and ignored, as others like it")
            return None
        if self.secret is not None and not signing.is_signed(entry, key=key, secret=self.secret):
            how = "wrongly signed" if entry.signature else "not signed"
            self._say_once(how, f"entry {key[:12]} is {how} and ignored, as others like it: was it another secret?")
            return None
        if entry.exit_code:
            self._say_once("failed", f"entry {key[:12]} is of a job that failed and ignored, as others like it")
            return None
        return entry

    def _fetch_blob(self, digest: Digest) -> bytes | None:
        data = self._read(f"cas/{digest.sha256}", limit=digest.size)
        if data is not None and sha256(data).hexdigest() != digest.sha256:
            self._say_once("damaged", f"blob {digest.sha256[:12]} is damaged and ignored, as others like it")
            return None
        return data

    def _later(self, send: Callable[[], None]) -> None:
        if self.readonly or self._is_off:
            return
        with self._lock:
            if self._uploader is None:
                self._uploader = Thread(target=self._upload, daemon=True)
                self._uploader.start()
        self._uploads.put(send)

    def _upload(self) -> None:
        while (send := self._uploads.get()) is not None:
            if self.readonly or self._is_off:
                continue
            try:
                send()
            except ValueError as cause:  # Malformed, or a name that is not UTF-8
                self._say_once("unsendable", f"a result is not uploaded: {cause}")
            except Refused as cause:
                self.readonly = True
                self._say_once("refused", f"{cause}; nothing more is uploaded in this run")
            except Unreachable as cause:
                self._turn_off(f"{cause}; going on without it")

    def _send(self, key: str, result: Result) -> None:
        entry, blobs = _described(result)
        if self.secret is not None:
            entry = signing.signed(entry, key=key, secret=self.secret)
        message = serialize(entry)
        # Always written, also what is there already: that mends a damaged blob. The entry comes last, so that whoever
        # sees it finds its blobs.
        for digest, data in blobs.items():
            self._send_blob(digest, data)
        self._write(f"ac/{key}", message)

    def _send_blob(self, digest: Digest, data: bytes) -> None:
        self._write(f"cas/{digest.sha256}", data)

    def _turn_off(self, message: str) -> None:
        self._is_off = True
        self._say_once("off", message)

    def _say_once(self, kind: str, message: str) -> None:
        with self._lock:
            if kind in self._said:
                return
            self._said.add(kind)
        # What the remote said may be in it: one line, and nothing that steers a terminal.
        printable = "".join(character if character.isprintable() else " " for character in message)
        sys.stderr.write(f"once: remote {self.name}: {printable}\n")


def _described(result: Result) -> tuple[ActionResult, dict[Digest, bytes]]:
    blobs: dict[Digest, bytes] = {}

    def digest(data: bytes) -> Digest:
        found = Digest.of(data)
        blobs[found] = data
        return found

    files = [OutputFile(_MANIFEST, digest(result.manifest), is_executable=False)]
    symlinks = []
    for path, (mode, content) in result.outputs.items():
        if mode == _SYMLINK:
            symlinks.append(OutputSymlink(path, content.decode()))
        else:
            files.append(OutputFile(path, digest(content), is_executable=mode == _EXECUTABLE))
    entry = ActionResult(
        exit_code=result.exit_code,
        log=digest(result.log),
        files=tuple(files),
        symlinks=tuple(symlinks),
        nanoseconds=round(result.seconds * 1e9),
        absent=tuple(sorted(result.absent)),
        listed=tuple(sorted((each.folder, each.modules, each.digest) for each in result.listed)),
    )
    return entry, blobs
