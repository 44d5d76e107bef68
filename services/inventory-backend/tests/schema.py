"""The golden OpenAPI document: `python -m tests.schema --write` after a change that is meant."""

import json
import os
import sys
from pathlib import Path

GOLDEN = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


def current() -> str:
    """Return the document that the code describes, as it is committed."""
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415  (Django must be set up)

    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # untyped there
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def main() -> int:
    """Write the document, or tell whether the committed one is current; return the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")  # noqa: TID251  (as manage.py does)
    import django  # noqa: PLC0415  (after the settings are named)

    django.setup()
    if "--write" in sys.argv:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(current(), encoding="utf-8")
        return 0
    return int(GOLDEN.read_text(encoding="utf-8") != current())


if __name__ == "__main__":
    raise SystemExit(main())
