"""ETags from row versions, and If-Match (api.md 7, RFC 9110 section 13)."""

from rest_framework.request import Request

from apps.common.errors import StaleVersion, VersionRequired


def etag(version: int) -> str:
    """Return the strong ETag of a version."""
    return f'"v{version}"'


def require_match(request: Request, version: int, *, is_required: bool = True) -> None:
    """Refuse a write that was decided on another version than `version`.

    Raises `VersionRequired` without If-Match (where it is required) and `StaleVersion` where it names others.
    """
    given = request.headers.get("If-Match")
    if given is None:
        if is_required:
            raise VersionRequired(f"Read the resource first and send its ETag, now {etag(version)}, as If-Match.")
        return
    if given.strip() == "*":
        return
    if etag(version) not in {tag.strip() for tag in given.split(",")}:
        raise StaleVersion(f"The current version is {etag(version)}. Read it again and decide anew.")
