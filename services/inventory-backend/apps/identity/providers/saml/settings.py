"""What is said of a SAML identity provider in the database."""

from typing import Annotated, Any

from msgspec import Meta, Struct

AttributeName = Annotated[str, Meta(max_length=200)]


class SamlSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`issuer` is the identity provider's entity id. Its metadata is asked for at `metadata_url`, or was read once.

    Then `sign_on_url` and `certificates` (DER in base64) are what it said.
    """

    issuer: str
    metadata_url: str | None = None
    sign_on_url: str | None = None
    certificates: list[str] = []
    username_claim: AttributeName = ""
    name_claim: AttributeName = ""
    groups_claim: AttributeName = ""
    trusts_amr: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}
