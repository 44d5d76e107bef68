"""Answers as JSON bytes."""

from collections.abc import Mapping
from typing import Any, override

import msgspec
from rest_framework.renderers import BaseRenderer

_encoder = msgspec.json.Encoder()


def encoded(data: object) -> bytes:
    """Return a wire shape, or plain JSON values, as JSON."""
    return _encoder.encode(data)


class JSONAnswer(BaseRenderer):
    """Encode wire shapes; pass on what is already encoded."""

    media_type = "application/json"
    format = "json"
    charset = None

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        return data if isinstance(data, bytes) else encoded(data)


class ProblemAnswer(JSONAnswer):
    """The same for problem details, so that a client may ask for them by name."""

    media_type = "application/problem+json"
    format = "problem"
