"""Writes."""

from collections.abc import Mapping

from apps.common import records
from apps.parties.models import Party
from audit import Origin


def create_party(*, code: str, name: str, refs: Mapping[str, str], origin: Origin) -> Party:
    """Create a party; raises `Duplicate` where the code or a reference is taken."""
    return records.create(Party(code=code, name=name), noun="party", origin=origin, refs=refs)


def change_party(
    party: Party, *, changes: Mapping[str, object], refs: Mapping[str, str] | None, origin: Origin
) -> Party:
    """Change a party; raises `StaleVersion` or `Duplicate`."""
    return records.change(party, changes, noun="party", origin=origin, refs=refs)
