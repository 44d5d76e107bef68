"""What the service can be told, with the bounds of each value.

A field's description is the hint that a wrong value is answered with. A field without a default gets
its value from the file of the stage (`env/`) or, in production, from the operator.
"""

from pathlib import Path
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
    jwt_previous_private_key: Annotated[
        SecretStr | None,
        AfterValidator(rules.previous_private_key),
        Field(description="Set it to the private key that JWT_PRIVATE_KEY replaces, in PEM, or leave it out."),
    ] = None
    access_token_seconds: Annotated[
        int,
        Field(ge=30, le=3600, description="Set it to a number of seconds from 30 to 300."),
        AfterValidator(rules.access_token_seconds),
    ] = 300
    refresh_token_days: Annotated[int, Field(ge=1, le=30, description="Set it to a number of days from 1 to 30.")] = 30
    session_idle_days: Annotated[int, Field(ge=1, le=7, description="Set it to a number of days from 1 to 7.")] = 7

    mail_url: Annotated[
        SecretStr | None,
        AfterValidator(rules.mail_url),
        Field(description="Set it to smtps://user:password@host:465, or smtp://...:587 for STARTTLS."),
    ] = None
    mail_from: Annotated[str, Field(min_length=3, description="Set it to the address that letters come from.")] = (
        "inventory@localhost"
    )
    password_deny_list: Annotated[
        Path | None, Field(description="Set it to a text file with one refused password per line, or leave it out.")
    ] = None

    api_key_pepper: Annotated[
        SecretStr | None,
        AfterValidator(rules.pepper),
        Field(description="Set it to at least 32 random characters, used nowhere else."),
    ] = None

    sso_return_urls: Annotated[
        tuple[str, ...],
        BeforeValidator(rules.split_commas),
        AfterValidator(rules.return_urls),
        Field(description="Set it to the exact addresses that a browser may come back to, comma-separated."),
    ] = ()
    sso_secrets_dir: Annotated[
        Path, Field(description="Set it to the folder with the secrets of identity providers, one file each.")
    ] = Path("/run/secrets/sso")
    outbound_private_hosts: Annotated[
        tuple[str, ...],
        BeforeValidator(rules.split_commas),
        Field(description="Set it to the host names in your own network that the service may call, comma-separated."),
    ] = ()

    audit_key: Annotated[
        SecretStr | None,
        AfterValidator(rules.audit_key),
        Field(description="Set it to an Ed25519 key in PEM (openssl genpkey -algorithm ed25519), used nowhere else."),
    ] = None
    audit_retired_public_keys: Annotated[
        tuple[Annotated[str, AfterValidator(rules.audit_public_key)], ...],
        BeforeValidator(rules.split_pems),
        Field(description="Set it to public keys in PEM, one after the other, or leave it out."),
    ] = ()

    audit_sink: Annotated[
        str | None,
        AfterValidator(rules.sink),
        Field(description="Set it to syslog+tls://host:6514 or file:///folder/name, or leave it out."),
    ] = None
    audit_sink_format: Annotated[Literal["ocsf", "cef"], Field(description="Set it to ocsf or cef.")] = "ocsf"
    audit_sink_authorities: Annotated[
        Path | None,
        Field(description="Set it to a file of certificates in PEM that the collector's is checked against."),
    ] = None

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
