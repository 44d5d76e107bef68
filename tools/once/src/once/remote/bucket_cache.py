"""The same layout in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure, a mounted folder.

Credentials, region and endpoint are obstore's to find, in the environment and the machine's metadata.
"""

from datetime import timedelta

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import from_url

from once.remote.cache import Refused, RemoteStore, Unreachable


class BucketCache(RemoteStore):
    """A remote in a bucket.

    Args:
        url: `s3://bucket/prefix`, `gs://...`, `az://...`, `file:///folder`.
        readonly: see RemoteStore.
        secret: see RemoteStore.
        timeout: seconds that connecting, or one request, may take.
        allow_http: whether the endpoint may be one without encryption.

    Raises:
        ValueError: the address is none.
    """

    def __init__(
        self, url: str, *, readonly: bool, secret: bytes | None, timeout: float, allow_http: bool = False
    ) -> None:
        super().__init__(name=url, readonly=readonly, secret=secret)
        seconds = timedelta(seconds=timeout)
        try:
            self._store = from_url(
                url,
                client_options={"timeout": seconds, "connect_timeout": seconds, "allow_http": allow_http},
                # Its ten retries over three minutes are for work that must be done; a cache may miss.
                retry_config={"max_retries": 1, "retry_timeout": seconds},
            )
        except BaseError as cause:
            raise ValueError(f"ONCE_REMOTE={url}: {_first_line(cause)}") from cause

    def _read(self, path: str, *, limit: int) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, path).bytes())[: limit + 1]
        except FileNotFoundError:
            return None
        except (PermissionDeniedError, UnauthenticatedError) as cause:
            raise Refused(f"reading is refused ({_first_line(cause)})") from cause
        except BaseError as cause:
            raise Unreachable(f"reading fails ({_first_line(cause)})") from cause

    def _write(self, path: str, data: bytes) -> None:
        try:
            obstore.put(self._store, path, data)
        except (PermissionDeniedError, UnauthenticatedError, FileNotFoundError) as cause:
            raise Refused(f"writing is refused ({_first_line(cause)})") from cause
        except BaseError as cause:
            raise Unreachable(f"writing fails ({_first_line(cause)})") from cause


def _first_line(cause: Exception) -> str:
    # obstore adds a dump of its structures below.
    return str(cause).partition("\n")[0]
