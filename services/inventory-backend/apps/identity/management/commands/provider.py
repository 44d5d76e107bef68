"""`inventory provider`: where people may sign in, for an operator without a browser."""

import argparse
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.management import base
from apps.identity import actions
from apps.identity.models import Provider
from apps.identity.permissions import BUILTIN_ROLES
from audit import Origin
from rbac import Grant, Grants

# Whoever runs commands here owns the service, and so may give what its administrator holds.
_OPERATOR = Grants((Grant(BUILTIN_ROLES["administrator"][1], location_id=None),))


class Command(base.Command):
    help = "List, add, test and switch on the places where people sign in."
    examples: ClassVar[str] = (
        "  inventory provider list --json\n"
        "  inventory provider add acme --name Acme --issuer https://login.acme.example --client-id inventory \\\n"
        "      --secret file:acme --groups-claim groups --provision\n"
        "  inventory provider add acme --name Acme --issuer https://acme.example/saml --metadata acme.xml --provision\n"
        "  inventory provider test acme && inventory provider enable acme\n"
        "  inventory provider disable local      only single sign-on from now on"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
        lists = tasks.add_parser("list", help="Show every provider, on or off.")
        add = tasks.add_parser("add", help="Add an OpenID or a SAML provider, switched off.")
        add.add_argument("code", help="a-z, 0-9 and -: part of the address that people come back to.")
        add.add_argument("--name", required=True, help="What a sign-in page shows.")
        add.add_argument("--issuer", required=True, help="The issuer, exactly as its own document has it.")
        add.add_argument("--client-id", help="Who we are over there; OpenID only.")
        add.add_argument("--metadata", metavar="URL|FILE", help="SAML: the provider's metadata; the issuer is its id.")
        add.add_argument(
            "--secret", metavar="REF", help="env:SSO_SECRET_NAME or file:name; without it, a public client."
        )
        add.add_argument("--username-claim", help="The claim or attribute that a new account is named by.")
        add.add_argument("--name-claim", help="SAML: the attribute that is a person's name.")
        add.add_argument("--groups-claim", default="", help="The claim that lists groups.")
        add.add_argument("--provision", action="store_true", help="Make an account at the first sign-in.")
        add.add_argument("--group-roles", type=Path, metavar="FILE", help="JSON: [{group, role, location}, ...].")
        metadata = tasks.add_parser("metadata", help="Replace a SAML provider's metadata; test it again afterwards.")
        metadata.add_argument("code")
        metadata.add_argument("place", metavar="URL|FILE")
        parsers = [lists, add, metadata]
        for task, text in (
            ("test", "Try everything that can be tried without a person."),
            ("enable", "Switch a provider on, after a test."),
            ("disable", "Switch a provider off."),
        ):
            parsers.append(tasks.add_parser(task, help=text))
            parsers[-1].add_argument("code")
        for each in parsers:
            each.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="Answer with JSON.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        origin = Origin.system(at=timezone.now(), request_id=f"cli-{uuid7()}")
        task = options["task"]
        if task == "list":
            self._list()
        elif task == "add":
            self._add(options, origin)
        elif task == "metadata":
            self._replace_metadata(self._one(options["code"]), options["place"], origin)
        elif task == "test":
            self._test(self._one(options["code"]), origin)
        else:
            switch = actions.enable_provider if task == "enable" else actions.disable_provider
            provider = switch(self._one(options["code"]), origin=origin)
            self.answer(_facts(provider), f"{provider.code} is {'on' if provider.is_enabled else 'off'}.")

    def _list(self) -> None:
        found = list(Provider.objects.order_by("code"))
        lines = [f"{each.code:<20}{each.kind:<8}{'on ' if each.is_enabled else 'off'}  {each.name}" for each in found]
        self.answer({"providers": [_facts(each) for each in found]}, "\n".join(lines))

    def _add(self, options: dict[str, Any], origin: Origin) -> None:
        # Where the API checks: the command's arguments become the same body.
        from apps.identity.api.v1.shapes.provider_settings import settings_in  # noqa: PLC0415  (api is above commands)
        from apps.identity.api.v1.shapes.providers import NewProvider, group_roles_in  # noqa: PLC0415  (as above)

        body = {
            "code": options["code"],
            "name": options["name"],
            "issuer": options["issuer"],
            **(self._metadata(options["metadata"]) if options["metadata"] else _client(options)),
            **{name: options[name] for name in ("username_claim", "name_claim") if options[name]},
            "groups_claim": options["groups_claim"],
            "provisions_users": options["provision"],
            "group_roles": self._group_roles(options["group_roles"]),
        }
        new = self._converted(body, NewProvider)
        provider = Provider(
            code=new.code,
            name=new.name,
            kind=new.kind,
            settings=settings_in(new, {}, new.kind),
            provisions_users=new.provisions_users,
            group_roles=group_roles_in(new.group_roles),
        )
        made = actions.create_provider(provider, grants=_OPERATOR, origin=origin)
        self.answer(_facts(made), f"Added {made.code}, switched off. Next: inventory provider test {made.code}")

    def _replace_metadata(self, provider: Provider, place: str, origin: Origin) -> None:
        from apps.identity.api.v1.shapes.provider_settings import settings_in  # noqa: PLC0415  (api is above commands)
        from apps.identity.api.v1.shapes.providers import ProviderPatch  # noqa: PLC0415  (as above)

        if provider.kind != "saml":
            raise self.failed("not_for_this_kind", f"{provider.code} has no metadata.", "Only SAML providers have it.")
        patch = self._metadata(place)
        patch.pop("kind")
        settings = settings_in(self._converted(patch, ProviderPatch), provider.settings, provider.kind)
        made = actions.replace_metadata(provider, settings, origin=origin)
        self.answer(_facts(made), f"{made.code} is off. Next: inventory provider test {made.code}")

    def _converted[T](self, body: dict[str, Any], shape: type[T]) -> T:
        try:
            return msgspec.convert(body, shape)
        except msgspec.ValidationError as error:
            raise self.failed("invalid", str(error), "See `inventory provider add --help`.") from error

    def _metadata(self, place: str) -> dict[str, Any]:
        if "://" in place:
            return {"kind": "saml", "metadata_url": place}
        try:
            return {"kind": "saml", "metadata": Path(place).read_text(encoding="utf-8")}
        except (OSError, ValueError) as error:
            hint = "Name a file, or an https address."
            raise self.failed("unreadable_file", f"{place} cannot be read: {type(error).__name__}.", hint) from error

    def _group_roles(self, file: Path | None) -> object:
        if file is None:
            return []
        try:
            return msgspec.json.decode(file.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            hint = 'Write [{"group": "pickers", "role": "picker", "location": null}].'
            raise self.failed("unreadable_file", f"{file} cannot be read: {type(error).__name__}.", hint) from error

    def _test(self, provider: Provider, origin: Origin) -> None:
        checks = actions.test_provider(provider, origin=origin)
        failed = [check for check in checks if not check.is_ok]
        facts = {
            "ok": not failed,
            "checks": [{"name": each.name, "ok": each.is_ok, "detail": each.detail} for each in checks],
        }
        lines = [f"{'ok  ' if each.is_ok else 'FAIL'}  {each.name}: {each.detail}" for each in checks]
        self.answer(facts, "\n".join(lines))
        if failed:
            raise CommandError(f"{len(failed)} of {len(checks)} checks failed.", returncode=base.REFUSED)

    def _one(self, code: str) -> Provider:
        provider = Provider.objects.filter(code=code).first()
        if provider is None:
            raise self.failed("unknown_provider", f"There is no provider {code!r}.", "See `inventory provider list`.")
        return provider


def _client(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "client_id": options["client_id"],
        "client_authentication": "client_secret_basic" if options["secret"] else "none",
        "client_secret_ref": options["secret"],
    }


def _facts(provider: Provider) -> dict[str, Any]:
    return {
        "code": provider.code,
        "name": provider.name,
        "kind": provider.kind,
        "is_enabled": provider.is_enabled,
        "issuer": provider.settings.get("issuer"),
    }
