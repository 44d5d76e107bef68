"""What the service can be told, with the bounds of each value.

A field's description is the hint that a wrong value is answered with. A field without a default gets
its value from the file of the stage (`env/`) or, in production, from the operator.
"""

from typing import Annotated, Literal, override

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from configs import _rules as rules

Stage = Literal["dev", "test", "prod"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Everything that differs between two deployments. Read it with `load()`."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", frozen=True, hide_input_in_errors=True)

    # First, since the rules of the other fields ask for it.
    stage: Annotated[Stage, Field(description="Set it to dev, test or prod.")]

    secret_key: Annotated[
        SecretStr,
        AfterValidator(rules.secret_key),
        Field(description="Set it to at least 50 random characters, used nowhere else."),
    ]
    allowed_hosts: Annotated[
        tuple[str, ...],
        BeforeValidator(rules.split_commas),
        AfterValidator(rules.allowed_hosts),
        Field(description="Set it to the host names that clients use, comma-separated, without '*' in prod."),
    ]
    tls_terminated_by_proxy: Annotated[
        bool,
        Field(description="Set it to true when a proxy ends TLS, else to false."),
    ] = False
    trusted_proxies: Annotated[
        int, Field(ge=0, description="Set it to the number of proxies in front of the service, 0 for none.")
    ] = 0

    # Before the URL, whose rule asks for it.
    database_is_local: Annotated[
        bool, Field(description="Set it to true when the way to the database never leaves this machine.")
    ] = False
    database_url: Annotated[
        SecretStr | None,
        AfterValidator(rules.database_url),
        Field(
            description="Set it, or DATABASE_URL, to postgresql://user:password@host:5432/database?sslmode=verify-full."
        ),
    ] = None
    database_role: Annotated[
        str | None,
        AfterValidator(rules.role_name),
        Field(description="Set it to a role in lower case, which the service takes at connect, or to none."),
    ] = "inventory_app"
    database_pool_max: Annotated[
        int,
        Field(ge=1, le=1000, description="Set it to the connections of one worker, 1 to 1000."),
    ] = 8
    statement_timeout_ms: Annotated[
        int, Field(ge=1, description="Set it to the milliseconds that one statement may take.")
    ] = 10_000
    lock_timeout_ms: Annotated[
        int, Field(ge=1, description="Set it to the milliseconds that a statement may wait for a lock.")
    ] = 5_000

    jwt_issuer: Annotated[
        str,
        AfterValidator(rules.issuer),
        Field(description="Set it to the URL that names this service in its tokens, https in prod."),
    ]
    jwt_private_key: Annotated[
        SecretStr | None,
        AfterValidator(rules.private_key),
        Field(description="Set it to an Ed25519 or EC P-256 key in PEM (openssl genpkey -algorithm ed25519)."),
    ] = None
    jwt_retired_public_keys: Annotated[
        tuple[Annotated[str, AfterValidator(rules.public_key)], ...],
        BeforeValidator(rules.split_pems),
        Field(description="Set it to public keys in PEM, one after the other, or leave it out."),
    ] = ()
    access_token_seconds: Annotated[
        int, Field(ge=30, le=3600, description="Set it to a number of seconds from 30 to 3600.")
    ] = 300
    refresh_token_days: Annotated[int, Field(ge=1, le=365, description="Set it to a number of days from 1 to 365.")] = (
        30
    )

    vault_address: Annotated[
        str | None, Field(description="Set it to the https URL of OpenBao or Vault, or leave it out.")
    ] = None
    vault_path: Annotated[
        str, Field(pattern="^[^/]+/.+$", description="Set it to the mount and path of a KV v2 entry.")
    ] = "secret/inventory"
    vault_role_id: Annotated[str | None, Field(description="Set it to the role id of an AppRole.")] = None
    vault_secret_id: Annotated[SecretStr | None, Field(description="Set it to the AppRole's secret id.")] = None

    max_body_bytes: Annotated[int, Field(ge=1024, description="Set it to at least 1024 bytes.")] = 1_048_576
    batch_max_body_bytes: Annotated[int, Field(ge=1024, description="Set it to at least 1024 bytes.")] = 8_388_608
    network_requests_per_minute: Annotated[
        int, Field(ge=1, description="Set it to the requests that one worker takes from one network in a minute.")
    ] = 12_000
    principal_requests_per_minute: Annotated[
        int, Field(ge=1, description="Set it to the requests that one worker takes from one principal in a minute.")
    ] = 6_000
    workers: Annotated[int, Field(ge=1, description="Set it to the number of server processes.")] = 2
    blocking_threads: Annotated[
        int, Field(ge=1, le=128, description="Set it to the threads of one server process, 1 to 128.")
    ] = 4
    log_level: Annotated[LogLevel, Field(description="Set it to DEBUG, INFO, WARNING, ERROR or CRITICAL.")] = "INFO"

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load() hands every value over, so that a test's environment is only what the test gives.
        return (init_settings,)
