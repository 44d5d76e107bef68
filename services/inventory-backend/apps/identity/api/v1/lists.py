"""How the lists of this domain are sorted and shown."""

from typing import Final

from apps.common.api.pages import Listing
from apps.identity.api.v1.shapes.bindings import BindingShape, binding_shapes
from apps.identity.api.v1.shapes.groups import GroupShape, MemberShape, group_shapes, member_shapes
from apps.identity.api.v1.shapes.roles import RoleShape, role_shapes

ROLES: Final = Listing(kind=RoleShape, shape=role_shapes, sorts={"code": "code", "created_at": "id"}, default="code")
GROUPS: Final = Listing(kind=GroupShape, shape=group_shapes, sorts={"code": "code", "created_at": "id"}, default="code")
MEMBERS: Final = Listing(kind=MemberShape, shape=member_shapes, sorts={"created_at": "id"}, default="created_at")
BINDINGS: Final = Listing(kind=BindingShape, shape=binding_shapes, sorts={"created_at": "id"}, default="created_at")
