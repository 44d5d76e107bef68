"""What is said of an OpenID provider in the database."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

# Asymmetric ones only: with HS256 our secret, or their public key, would sign. Each names its curve (RFC 9864).
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
ClientAuthentication = Literal["none", "client_secret_basic", "client_secret_post"]
Claim = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:/.-]*$(?!\n)", max_length=200, extra={"hint": "a claim's name"})]


def default_scopes() -> list[str]:
    """Return what is asked for unless something else is said."""
    return ["openid", "profile"]


def default_algorithms() -> list[Algorithm]:
    """Return what is accepted unless something else is said: the one of each family that issuers use."""
    return ["RS256", "PS256", "ES256", "Ed25519"]


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything comes from the issuer's own discovery document but what only its operator knows.

    An endpoint or a key that could be typed in here would let whoever manages providers sign in as anybody there.
    """

    issuer: str
    client_id: str
    client_authentication: ClientAuthentication = "client_secret_basic"
    client_secret_ref: str | None = None
    scopes: list[str] = field(default_factory=default_scopes)
    algorithms: list[Algorithm] = field(default_factory=default_algorithms)
    username_claim: Claim = "preferred_username"
    groups_claim: Claim = ""
    trusts_amr: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}
