"""`inventory role`: what roles there are, who holds them, and giving and taking them."""

from dataclasses import asdict
from typing import Any, ClassVar, override

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from apps.identity import queries
from apps.identity.actions import grant_role, revoke_role
from apps.identity.management import base
from rbac import registry
from rbac.django.actions import AlreadyBound
from rbac.django.models import Role


class Command(base.Command):
    help = "List and show roles, grant and revoke them."
    examples: ClassVar[str] = (
        "  inventory role list\n"
        "  inventory role show picker\n"
        "  inventory role grant pia picker --location WH1\n"
        "  inventory role revoke pia picker --location WH1"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = self.tasks(parser)
        self.task(tasks, "list", "List all roles.")
        show = self.task(tasks, "show", "Show what a role allows, and who holds it where.")
        show.add_argument("role")
        for name, text in (("grant", "Give a user a role."), ("revoke", "Take a role from a user.")):
            task = self.task(tasks, name, text, examples=f"  inventory role {name} pia picker --location WH1")
            task.add_argument("username")
            task.add_argument("role")
            task.add_argument("--location", metavar="CODE", help="The location, and all below it; else everywhere.")

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        match options["task"]:
            case "list":
                self._list()
            case "show":
                self._show(self._role_named(options["role"]))
            case task:
                self._change(task, options)

    def _list(self) -> None:
        columns = ("code", "name", "is_builtin", "permissions")
        roles = list(Role.objects.order_by("code").values(*columns))
        lines = ([role["code"], role["name"], role["is_builtin"], len(role["permissions"])] for role in roles)
        self.answer({"roles": roles}, base.table(("ROLE", "NAME", "BUILT IN", "PERMISSIONS"), lines))

    def _show(self, role: Role) -> None:
        held = queries.holders(at=timezone.now(), role_code=role.code)
        described = {permission.code: permission.description for permission in registry}
        facts = {"code": role.code, "name": role.name, "permissions": role.permissions}
        holders = ([each.username, each.location or "everywhere", each.group, each.valid_until] for each in held)
        text = "\n\n".join(
            [
                base.table(("PERMISSION", "ALLOWS TO"), ([code, described.get(code)] for code in role.permissions)),
                base.table(("HELD BY", "AT", "THROUGH", "UNTIL"), holders),
            ]
        )
        self.answer({**facts, "held_by": [asdict(each) for each in held]}, text)

    def _change(self, task: str, options: dict[str, Any]) -> None:
        user, role = self.user_named(options["username"]), self._role_named(options["role"])
        place, where = self.place_named(options["location"]), options["location"] or "everywhere"
        origin = self.origin()
        if task == "grant":
            try:
                grant_role(user=user, role_code=role.code, location_id=place, origin=origin)
            except AlreadyBound as error:
                raise self.failed("duplicate", str(error), "Nothing was changed.") from error
        elif not revoke_role(user=user, role_code=role.code, location_id=place, origin=origin):
            detail = f"{user.username} does not hold {role.code} {where}."
            held = queries.holders(at=origin.at, user_id=user.pk)
            holds = ", ".join(f"{each.role} ({each.location or 'everywhere'})" for each in held) or "nothing"
            raise self.failed("not_held", detail, f"Nothing was changed. {user.username} holds {holds}.")
        facts = {"username": user.username, "role": role.code, "location": options["location"]}
        verb = "holds" if task == "grant" else "no longer holds"
        self.answer(facts, f"{user.username} {verb} {role.code} {where}.")

    def _role_named(self, code: str) -> Role:
        role = Role.objects.filter(code=code).first()
        if role is None:
            codes = Role.objects.values_list("code", flat=True)
            raise self.failed("unknown_role", f"There is no role {code!r}.", self.nearest(code, codes))
        return role
