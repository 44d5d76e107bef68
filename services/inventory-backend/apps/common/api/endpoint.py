"""What every view of the API is: a DRF view with a table of its operations, which says who may run each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, override

from django.conf import settings
from rest_framework.views import APIView

from rbac.django.permissions import DeclaredPermission, DeclaredPermissions


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of a view: who may run it, and how it reads in the OpenAPI document.

    `body`, `query` and the values of `returns` (by status) are wire shapes.
    """

    permission: type[DeclaredPermission]
    name: str
    summary: str
    body: Any = None
    query: Any = None
    returns: Mapping[int, Any] = field(default_factory=dict)
    is_idempotent: bool = False
    is_conditional: bool = False
    can_validate_only: bool = False


class Endpoint(DeclaredPermissions, APIView):
    """Deny by default: a method that is not in `operations` does not exist."""

    operations: ClassVar[Mapping[str, Operation]] = {}
    max_body_bytes: ClassVar[int] = settings.MAX_BODY_BYTES
    metadata_class = None

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.permissions = {method: operation.permission for method, operation in cls.operations.items()}
