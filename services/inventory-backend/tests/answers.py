"""What a test reads from an answer."""

from typing import Any

import msgspec
from django.http import HttpResponse


def json_of(answer: HttpResponse) -> Any:
    """Return an answer's body."""
    return msgspec.json.decode(answer.content)


def refusal(answer: HttpResponse) -> tuple[int, str, list[tuple[str, str]]]:
    """Return a refusal's status and code, and pointer and code of each of its problems."""
    body = json_of(answer)
    problems = [(problem["pointer"], problem["code"]) for problem in body.get("errors", [])]
    return answer.status_code, body.get("code", ""), problems
