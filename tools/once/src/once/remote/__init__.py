"""Results shared between machines: a Bazel HTTP cache, or a bucket.

Read from the environment:

- `ONCE_REMOTE`: `https://user:password@cache.example/instance`, any server that speaks Bazel's HTTP cache protocol;
  or `s3://bucket/prefix` (also gs, az, file) with the extra `once[s3]`.
- `ONCE_REMOTE_TOKEN`: a bearer token, in place of user and password.
- `ONCE_REMOTE_SECRET` or `ONCE_REMOTE_SECRET_FILE`: entries are signed with it; what it has not signed is no hit.
- `ONCE_REMOTE_READONLY=1`: nothing is uploaded. Always so in the CI of a pull request.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from once.remote.cache import RemoteStore

__all__ = ["from_environment"]

TIMEOUT = 5.0


class _Misconfigured(ValueError):
    """What the environment says of the remote makes no sense."""


def from_environment(environ: "Mapping[str, str]") -> "RemoteStore | None":
    """Returns the remote that ONCE_REMOTE names, None if it names none.

    A remote that is named wrongly is said on stderr and done without: whether a run is green never depends on it. A
    secret that is named but cannot be read counts as wrong, since without it unsigned entries would be hits.
    """
    url = environ.get("ONCE_REMOTE", "").strip()
    if not url:
        return None
    try:
        return _open(url, environ)
    except (ValueError, OSError, ImportError) as cause:
        sys.stderr.write(f"once: remote: {cause}; going on without it\n")
        return None


def _open(url: str, environ: "Mapping[str, str]") -> "RemoteStore":
    readonly = _is_readonly(environ)
    secret = _secret(environ)
    scheme, separator, _ = url.partition("://")
    # Imported here, as a run whose every job is in the local store never asks the remote.
    if not separator or scheme in {"http", "https"}:
        from once.remote.http_cache import HttpCache  # noqa: PLC0415 -- see above

        token = environ.get("ONCE_REMOTE_TOKEN", "").strip() or None
        return HttpCache(url, readonly=readonly, secret=secret, timeout=TIMEOUT, token=token)
    try:
        from once.remote.bucket_cache import BucketCache  # noqa: PLC0415 -- see above
    except ModuleNotFoundError as cause:
        raise _Misconfigured(f"{scheme}:// needs obstore: install once[s3]") from cause
    # Options that we set keep obstore from reading this one itself.
    allow_http = environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    return BucketCache(url, readonly=readonly, secret=secret, timeout=TIMEOUT, allow_http=allow_http)


def _is_readonly(environ: "Mapping[str, str]") -> bool:
    # No variable lets a pull request write: whoever proposes a change can also change what its workflow sets.
    if environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return True
    return environ.get("ONCE_REMOTE_READONLY", "").strip().lower() not in {"", "0", "false", "no"}


def _secret(environ: "Mapping[str, str]") -> bytes | None:
    path = environ.get("ONCE_REMOTE_SECRET_FILE", "").strip()
    if not path:
        # An empty variable is what a fork's pull request sees of a secret.
        return environ.get("ONCE_REMOTE_SECRET", "").strip().encode() or None
    with open(path, "rb") as file:  # noqa: PTH123 -- pathlib takes longer to import than the rest of this module
        secret = file.read().strip()
    if not secret:
        raise _Misconfigured(f"ONCE_REMOTE_SECRET_FILE: {path} is empty")
    return secret
