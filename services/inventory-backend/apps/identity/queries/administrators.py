"""Whether anybody is left who can hand out rights."""

from datetime import datetime
from typing import Final

from apps.common.db import rows
from apps.identity.permissions import MANAGE_ROLES

# From the few bindings of the root to their holders: there can be many users, and whoever asks holds a lock.
_IS_LEFT: Final = """
SELECT EXISTS (
    SELECT FROM rbac_role r
    JOIN rbac_binding b ON b.role_id = r.id
    LEFT JOIN identity_group_member m ON m.group_id = b.group_id
    JOIN identity_user u ON u.id = coalesce(b.user_id, m.user_id)
    WHERE %(permission)s = ANY (r.permissions) AND b.location_id IS NULL
        AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND b.valid_until IS NULL
        AND u.is_active AND u.kind = 'person'
        AND (left(u.password, 1) <> '!' OR EXISTS (SELECT FROM identity_external_identity i WHERE i.user_id = u.id))
)
"""


def is_administrator_left(*, at: datetime) -> bool:
    """Tell whether somebody who can sign in holds `identity.manage_roles` everywhere, with no end."""
    ((is_left,),) = rows(_IS_LEFT, {"permission": MANAGE_ROLES, "at": at})
    return bool(is_left)
