"""What OCSF asks of the classes that the trail uses.

Written from the public schema, https://schema.ocsf.io/1.5.0 (its sources: https://github.com/ocsf/ocsf-schema), the
pages classes/authentication, authorize_session, entity_management and objects/metadata, product, user, actor,
network_endpoint, managed_entity. Below is what they mark as required, and their constraints `at_least_one`.
"""

from typing import Any, Final

_REQUIRED: Final = ("activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid")
# By class: the attributes that it requires, of which it wants one at least, and the activities that it knows.
_CLASSES: Final[dict[int, tuple[tuple[str, ...], tuple[str, ...], set[int]]]] = {
    3002: (("user",), ("service", "dst_endpoint"), {0, 1, 2, 3, 4, 5, 6, 7, 99}),
    3003: (("user",), ("privileges", "group"), {0, 1, 2, 99}),
    3004: (("entity",), (), {0, 1, 2, 3, 4, 99}),
}
_OBJECTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "metadata": (("product", "version"), ()),
    "metadata.product": (("vendor_name",), ("name", "uid")),
    "user": ((), ("account", "name", "uid")),
    "actor": ((), ("process", "user", "invoked_by", "session", "app_name", "app_uid")),
    "actor.user": ((), ("account", "name", "uid")),
    "src_endpoint": ((), ("ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid")),
    "entity": ((), ("name", "uid")),
    "entity_result": ((), ("name", "uid")),
    "service": ((), ("name", "uid")),
}
_WHOLE: Final = ("activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid", "status_id", "count")


def problems_of(event: dict[str, Any]) -> list[str]:
    """Return what the schema would not accept; nothing for an event that is as it should be."""
    required, wanted, activities = _CLASSES[event["class_uid"]]
    found = _lacking("", event, (*_REQUIRED, *required), wanted)
    for path, (needed, one_of) in _OBJECTS.items():
        if (value := _at(event, path)) is not None:
            found += _lacking(f"{path}.", value, needed, one_of)
    found += [f"{name} is no integer" for name in _WHOLE if name in event and type(event[name]) is not int]
    if event["activity_id"] not in activities:
        found.append(f"activity_id {event['activity_id']} is unknown to the class")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid is not class_uid * 100 + activity_id")
    if event["category_uid"] != event["class_uid"] // 1000:
        found.append("category_uid is not that of the class")
    return found + [f"{path} is null" for path in _nulls(event, "")]


def _lacking(path: str, value: dict[str, Any], required: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    found = [f"{path}{name} is missing" for name in required if name not in value]
    if wanted and not any(value.get(name) for name in wanted):
        found.append(f"{path or 'the event'} has none of {', '.join(wanted)}")
    return found


def _at(event: dict[str, Any], path: str) -> Any:
    value: Any = event
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _nulls(value: Any, path: str) -> list[str]:
    # What is inside `data` and `unmapped` is ours, and no attribute of the schema.
    if not isinstance(value, dict) or path.endswith(("data.", "unmapped.")):
        return []
    nulls = [f"{path}{name}" for name, one in value.items() if one is None]
    return nulls + [null for name, one in value.items() for null in _nulls(one, f"{path}{name}.")]
