"""What an API key leaves of its owner's grants.

The SQL speaks of a binding `b` of the owner and of the key `k`, whose columns are null where there is no key.
"""

from collections.abc import Sequence
from typing import Final

# Whether the subtree of the binding and that of the key have any location in common: one must contain the other.
MEETS_KEY: Final = """(
    k.location_id IS NULL OR b.location_id IS NULL OR EXISTS (
        SELECT FROM locations_location_closure c
        WHERE (c.ancestor_id = k.location_id AND c.descendant_id = b.location_id)
            OR (c.ancestor_id = b.location_id AND c.descendant_id = k.location_id)
    )
)"""

# The smaller of the two subtrees, where they meet.
NARROWED_LOCATION: Final = """(
    CASE WHEN k.location_id IS NULL OR EXISTS (
        SELECT FROM locations_location_closure c
        WHERE c.ancestor_id = k.location_id AND c.descendant_id = b.location_id
    ) THEN b.location_id ELSE k.location_id END
)"""


def narrowed(codes: Sequence[str], key_codes: Sequence[str] | None) -> frozenset[str]:
    """Return what is left of a role's permissions: all of them where there is no key."""
    return frozenset(codes) if key_codes is None else frozenset(codes) & frozenset(key_codes)
