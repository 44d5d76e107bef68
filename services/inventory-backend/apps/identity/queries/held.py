"""SQL of what a user `u` holds, directly and through groups; as a subquery `b`, it reads the bindings.

Whoever reads bindings of a user reads them here: a statement that forgot the groups would let what they hold pass.
"""

from typing import Final

# Two look-ups by index, where one condition on both would read all.
BOUND: Final = """
    SELECT id, role_id, location_id, group_id, valid_from, valid_until FROM rbac_binding WHERE user_id = u.id
    UNION ALL
    SELECT g.id, g.role_id, g.location_id, g.group_id, g.valid_from, g.valid_until
    FROM identity_group_member m JOIN rbac_binding g ON g.group_id = m.group_id WHERE m.user_id = u.id
"""

HOLDS: Final = """(
    (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
)"""
