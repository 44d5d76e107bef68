"""Read a typed body or query from a request, and name everything that is wrong with it at once.

msgspec checks a whole body in one pass and stops at the first error; only a body that failed is walked field by
field, so that the answer lists all of them. Both read the same types, so they cannot disagree.
"""

import types
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct, UnsetType
from msgspec.structs import FieldInfo
from msgspec.structs import fields as struct_fields
from rest_framework.request import Request

from apps.common.api.parsers import RawBody
from apps.common.errors import Invalid, Problem

_MAX_PROBLEMS = 1000


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def parse_body[T](request: Request, kind: type[T]) -> T:
    """Return the request's JSON body as `kind`.

    Raises `Invalid` with one problem for each field that is missing, unknown or malformed.
    """
    raw: object = request.data
    if not isinstance(raw, RawBody):
        raise Invalid.at("#", "body_required", "Send a JSON body with Content-Type: application/json.")
    try:
        body: T = _decoder(cast("Any", kind)).decode(raw.content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _body_or_problems(raw.content, kind, error)
    return body


def parse_query[T: Struct](request: Request, kind: type[T]) -> T:
    """Return the query parameters as `kind`; a field of list type takes a parameter several times.

    Raises `Invalid` that names each unknown or malformed parameter, and the nearest known one.
    """
    known = {field.encode_name: field for field in struct_fields(kind)}
    values: dict[str, object] = {}
    problems = []
    for name, given in request.query_params.lists():
        field, pointer = known.get(name), f"?{name}"
        if field is None:
            problems.append(_unknown(pointer, name, list(known)))
        elif len(given) > 1 and not _is_list(field.type):
            text = f"Give {name} once, not {len(given)} times."
            problems.append(Problem(pointer=pointer, code="repeated_parameter", detail=text))
        else:
            value = given if _is_list(field.type) else given[0]
            # Everything is text here; but a number as text is no time, which a lax reading would take it for.
            strict = _inner(field.type) not in {int, bool}
            problems += _in_value(value, field.type, pointer, strict=strict)
            values[field.name] = value if problems else msgspec.convert(value, field.type, strict=strict)
    problems += [
        Problem(pointer=f"?{name}", code="required", detail=_wanted(f"{name} is required", field.type))
        for name, field in known.items()
        if field.default is NODEFAULT and field.default_factory is NODEFAULT and name not in request.query_params
    ]
    if problems:
        raise Invalid.of(problems)
    return kind(**values)


def _body_or_problems[T](content: bytes, kind: type[T], error: Exception) -> T:
    """Return a body that is right but for the spelling of its integers; raise `Invalid` for any other."""
    try:
        raw = _with_integers(msgspec.json.decode(content))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as malformed:
        text = f"The body is not JSON: {malformed}"
        raise Invalid.of([Problem(pointer="#", code="malformed_json", detail=text)]) from error
    found = list(_first(_in_value(raw, kind, "#", strict=True), _MAX_PROBLEMS))
    if found:
        raise Invalid.of(found) from error
    return msgspec.convert(raw, kind)


def _with_integers(raw: Any) -> Any:
    """Return JSON values with 12.0 as 12: to JSON Schema both are the same integer (2020-12 validation, 6.1.1)."""
    if isinstance(raw, dict):
        return {name: _with_integers(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_with_integers(value) for value in raw]
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _first(problems: Iterator[Problem], limit: int) -> Iterator[Problem]:
    for _, problem in zip(range(limit), problems, strict=False):
        yield problem


def _in_value(raw: object, kind: Any, pointer: str, *, strict: bool) -> Iterator[Problem]:
    """Yield what is wrong with `raw`, which should be a `kind`."""
    inner = _inner(kind)
    if isinstance(inner, type) and issubclass(inner, Struct) and isinstance(raw, dict):
        yield from _in_struct(raw, inner, pointer, strict=strict)
        return
    if get_origin(inner) is list and isinstance(raw, list):
        (element,) = get_args(inner)
        deeper = [p for i, item in enumerate(raw) for p in _in_value(item, element, f"{pointer}/{i}", strict=strict)]
        if deeper:
            yield from deeper
            return
    try:
        msgspec.convert(raw, kind, strict=strict)
    except msgspec.ValidationError as error:
        yield Problem(pointer=pointer, code="invalid", detail=_sentence(str(error), kind))
    except (ValueError, OverflowError) as error:
        yield Problem(pointer=pointer, code="invalid", detail=_sentence(str(error), kind))


def _in_struct(raw: dict[str, object], kind: type[Struct], pointer: str, *, strict: bool) -> Iterator[Problem]:
    known: dict[str, FieldInfo] = {field.encode_name: field for field in struct_fields(kind)}
    for name in raw:
        if name not in known:
            yield _unknown(f"{pointer}/{_escaped(name)}", name, list(known))
    for name, field in known.items():
        if name in raw:
            yield from _in_value(raw[name], field.type, f"{pointer}/{name}", strict=strict)
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            yield Problem(
                pointer=f"{pointer}/{name}", code="required", detail=_wanted(f"{name} is required", field.type)
            )


def _unknown(pointer: str, name: str, known: list[str]) -> Problem:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known)) or 'none'}."
    return Problem(pointer=pointer, code="unknown_parameter", detail=f"{name[:80]!r} is not known here. {hint}")


def _inner(kind: Any) -> Any:
    """Strip `Annotated`, and take the one real alternative of an optional type."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, types.UnionType}:
        real = [part for part in get_args(kind) if part not in {type(None), UnsetType}]
        if len(real) == 1:
            return _inner(real[0])
    return kind


def _is_list(kind: Any) -> bool:
    return get_origin(_inner(kind)) is list


def _hint_of(kind: Any) -> str | None:
    for part in (kind, *get_args(kind)):
        if get_origin(part) is Annotated:
            for meta in get_args(part)[1:]:
                if isinstance(meta, Meta) and meta.extra and "hint" in meta.extra:
                    return str(meta.extra["hint"])
    return None


def _wanted(what: str, kind: Any) -> str:
    hint = _hint_of(kind)
    return f"{what}: send {hint}." if hint else f"{what}."


def _sentence(message: str, kind: Any) -> str:
    hint = _hint_of(kind)
    return f"Send {hint}." if hint else f"{message.split(' - at `', maxsplit=1)[0].replace('`', '')}."


def _escaped(name: str) -> str:
    """Escape a key for a JSON pointer in a fragment (RFC 6901)."""
    return name[:80].replace("~", "~0").replace("/", "~1")
