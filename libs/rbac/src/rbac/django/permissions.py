"""The permission that a route declares: named, public with a reason, or signed in.

Django REST Framework lets everybody in where nothing is said.  Here `rbac.django.checks` refuses
to start when a route says nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Final, Protocol, cast, override

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views import View
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from rbac import Grants

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    type User = AbstractBaseUser | AnonymousUser | None


# How long ago somebody may have proved who they are for what asks for a recent proof (ASVS V7.5.3).
RECENT: Final = timedelta(minutes=5)


class HasGrants(Protocol):
    """What a signed-in user must offer."""

    @property
    def grants(self) -> Grants:
        """Everything the user was granted, as of this request."""


class HasProof(Protocol):
    """What a signed-in user must offer to routes that ask for a recent proof."""

    @property
    def authenticated_at(self) -> datetime:
        """When the user last proved who they are."""


class ProofTooOld(APIException):
    """The proof of who is asking is too old for this (RFC 9470, section 3)."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = problem_code = "proof_too_old"
    default_detail = f"Prove again who you are: this needs a proof of the last {RECENT.seconds} seconds."
    auth_header = f'Bearer error="insufficient_user_authentication", max_age="{RECENT.seconds}"'


class DeclaredPermission(BasePermission):
    """A decision about a user alone; made by `requires`, `public` or `signed_in`.

    With `step_up` it is open only to those who proved of late who they are.
    """

    step_up: ClassVar[bool] = False

    @classmethod
    def admits(cls, user: "User") -> bool:
        """Return whether the route is open to `user`; nobody, unless a subclass says otherwise."""
        del user
        return False

    @override
    def has_permission(self, request: Request, view: APIView) -> bool:
        if not self.admits(request.user):
            return False
        if self.step_up and cast("HasProof", request.user).authenticated_at < timezone.now() - RECENT:
            raise ProofTooOld
        return True


class SignedIn(DeclaredPermission):
    """Whoever proved who they are."""

    @override
    @classmethod
    def admits(cls, user: "User") -> bool:
        return user is not None and user.is_authenticated


class SignedInOfLate(SignedIn):
    """Whoever proved of late who they are."""

    step_up = True


class Requires(SignedIn):
    """Whoever holds `permission` at some location.

    The attribute is not called `code`: REST framework would answer with it as the error's code.
    """

    permission: ClassVar[str]

    @override
    @classmethod
    def admits(cls, user: "User") -> bool:
        return super().admits(user) and cast("HasGrants", user).grants.allows(cls.permission)


class Public(DeclaredPermission):
    """Everybody, for a `reason` that a reviewer accepted."""

    reason: ClassVar[str]

    @override
    @classmethod
    def admits(cls, user: "User") -> bool:
        return True


def requires(code: str, *, step_up: bool = False) -> type[Requires]:
    """Return the permission class that asks for one registered permission, and with `step_up` for a recent proof.

    It opens the route to whoever holds the permission anywhere; at which locations they hold it is
    for `Grants.scope` to say, once the rows are known.
    """

    class RequiresCode(Requires):
        permission = code
        message = f"This needs the permission {code}."

    RequiresCode.step_up = step_up
    return RequiresCode


def public(why: str) -> type[Public]:
    """Return the permission class of a route that is open to everybody, for the reason `why`."""

    class PublicBecause(Public):
        reason = why

    return PublicBecause


def signed_in(*, step_up: bool = False) -> type[SignedIn]:
    """Return the permission class of a route that is open to every signed-in user; `step_up`: of late."""
    return SignedInOfLate if step_up else SignedIn


class DeclaredPermissions(APIView):
    """A view, or a mixin for one, that declares a permission for each of its methods.

    A method that `permissions` does not name is denied.  HEAD is GET.  OPTIONS is not served: the
    schema describes the API.
    """

    permissions: ClassVar[Mapping[str, type[BasePermission]]] = {}
    http_method_names = [name for name in View.http_method_names if name != "options"]  # noqa: RUF012  (Django's type)

    @override
    def get_permissions(self) -> list[Any]:
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        if method in self.permissions:
            return [self.permissions[method]()]
        if method in self.allowed_methods:
            return [DeclaredPermission()]
        # Nothing handles the method: 405, to whoever could be signed in here or need not be.
        if any(issubclass(permission, Public) for permission in self.permissions.values()):
            return []
        return [SignedIn()]


def declare[**P, R: HttpResponseBase](
    permission: type[DeclaredPermission],
) -> Callable[[Callable[Concatenate[HttpRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """Give a plain Django view a permission: the check at start-up sees it and each request obeys it.

    The view then raises Django's PermissionDenied for whoever it is not open to.

    Raises:
        ValueError: `permission` asks for a recent proof, which a plain view cannot say to its callers.
    """
    if permission.step_up:
        raise ValueError("A plain view cannot ask for a recent proof; make it an APIView.")

    def decorate(view: Callable[Concatenate[HttpRequest, P], R]) -> Callable[Concatenate[HttpRequest, P], R]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
            # There is no user without Django's authentication middleware.
            if not permission.admits(getattr(request, "user", None)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        vars(guarded)["declared_permission"] = permission
        return guarded

    return decorate
