"""JSON bodies, kept as bytes until the view says what they should be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, override

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser


class BodyTooLarge(APIException):
    """The body is over the limit of this endpoint."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body that was read but not yet decoded."""

    content: bytes


class JSONBody(BaseParser):
    """Hand the view the bytes; `parse_body` decodes them into a typed shape in one pass."""

    media_type = "application/json"

    @override
    def parse(  # type: ignore[override]  # DRF hands on whatever a parser returns
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> RawBody:
        view = (parser_context or {}).get("view")
        limit: int = getattr(view, "max_body_bytes", settings.MAX_BODY_BYTES)
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise BodyTooLarge(f"The body is over {limit} bytes. Send it in several requests.")
        return RawBody(content)


class MergePatchBody(JSONBody):
    """RFC 7396; the shapes of PATCH bodies tell null from absent."""

    media_type = "application/merge-patch+json"
