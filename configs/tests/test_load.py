"""What an environment becomes, and what is said when it cannot become settings."""

import doctest
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr, ValidationError

import configs
from configs import ConfigurationInvalid, Settings, Stage, load

type PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


ED25519 = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
SECRET_KEY = "abcdefghij" * 5
PROD = {
    "INVENTORY_SECRET_KEY": SECRET_KEY,
    "INVENTORY_ALLOWED_HOSTS": "inventory.example.com, api.example.com",
    "INVENTORY_DATABASE_URL": "postgresql://app:pass@db:5432/inventory?sslmode=verify-full",
    "INVENTORY_JWT_ISSUER": "https://inventory.example.com",
    "INVENTORY_JWT_PRIVATE_KEY": private_pem(ED25519),
    "INVENTORY_API_KEY_PEPPER": "p" * 32,
    "INVENTORY_AUDIT_KEY": private_pem(ED25519),
}


def problems_of(environ: dict[str, str], stage: Stage | None = "prod") -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(environ, stage=stage)
    return [(problem.variable, problem.problem) for problem in caught.value.problems]


def test_production_reads_what_the_operator_sets() -> None:
    settings = load(PROD, stage="prod")

    assert settings.stage == "prod"
    assert settings.allowed_hosts == ("inventory.example.com", "api.example.com")
    assert settings.database_url == SecretStr("postgresql://app:pass@db:5432/inventory?sslmode=verify-full")
    assert settings.jwt_issuer == "https://inventory.example.com"
    assert settings.jwt_private_key == SecretStr(PROD["INVENTORY_JWT_PRIVATE_KEY"])


def test_production_has_no_default_for_what_only_the_operator_knows() -> None:
    assert problems_of({}) == [
        ("INVENTORY_ALLOWED_HOSTS", "is not set"),
        ("INVENTORY_API_KEY_PEPPER", "is not set"),
        ("INVENTORY_AUDIT_KEY", "is not set"),
        ("INVENTORY_DATABASE_URL", "is not set"),
        ("INVENTORY_JWT_ISSUER", "is not set"),
        ("INVENTORY_JWT_PRIVATE_KEY", "is not set"),
        ("INVENTORY_SECRET_KEY", "is not set"),
    ]


def test_a_service_that_was_told_no_stage_is_held_to_the_rules_of_production() -> None:
    expected = [("INVENTORY_JWT_ISSUER", "is not https"), ("INVENTORY_STAGE", "is not set")]

    assert problems_of({**PROD, "INVENTORY_JWT_ISSUER": "http://localhost"}, stage=None) == expected


def test_every_problem_is_named_at_once() -> None:
    environ = {
        "INVENTORY_WORKERS": "many",
        "INVENTORY_WORKRS": "2",
        "INVENTORY_LOG_LEVEL": "LOUD",
        "INVENTORY_JWT_RETIRED_PUBLIC_KEYS_FILE": "/nowhere",
    }

    with pytest.raises(ConfigurationInvalid) as caught:
        load(environ, stage="dev")

    assert (
        str(caught.value)
        == """The configuration is invalid:
  INVENTORY_JWT_RETIRED_PUBLIC_KEYS_FILE: names a file that cannot be read (FileNotFoundError). \
Let it name a readable text file with the value of INVENTORY_JWT_RETIRED_PUBLIC_KEYS.
  INVENTORY_LOG_LEVEL: input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'. \
Set it to DEBUG, INFO, WARNING, ERROR or CRITICAL.
  INVENTORY_WORKERS: input should be a valid integer, unable to parse string as an integer. \
Set it to the number of server processes.
  INVENTORY_WORKRS: is not a setting. Did you mean INVENTORY_WORKERS?"""
    )


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("SECRET_KEY", "k" * 49, "is too short"),
        ("SECRET_KEY", "insecure" + "k" * 50, "is the public key of another stage"),
        ("ALLOWED_HOSTS", "a.example.com,*", "holds a wildcard"),
        ("ALLOWED_HOSTS", " , ", "names no host"),
        ("DATABASE_URL", "mysql://db/inventory", "is not the URL of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://db", "is not the URL of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://[db/inventory", "is not a URL"),
        ("DATABASE_ROLE", "app; DROP", "is not the plain name of a role"),
        ("JWT_ISSUER", "http://inventory.example.com", "is not https"),
        ("JWT_ISSUER", "inventory.example.com", "is not an absolute URL without query and fragment"),
        ("JWT_ISSUER", "https://a.example/?x=1", "is not an absolute URL without query and fragment"),
        ("JWT_ISSUER", "https://[a", "is not a URL"),
        ("JWT_PRIVATE_KEY", "nonsense", "is not an unencrypted private key in PEM"),
        ("JWT_PRIVATE_KEY", private_pem(P384), "is neither an Ed25519 nor an EC P-256 key"),
        ("JWT_RETIRED_PUBLIC_KEYS", public_pem(P384), "holds a key that is neither Ed25519 nor EC P-256"),
        ("AUDIT_KEY", private_pem(P256), "is not an Ed25519 key"),
        ("AUDIT_KEY", "nonsense", "is not an unencrypted private key in PEM"),
        ("AUDIT_RETIRED_PUBLIC_KEYS", public_pem(P256), "holds a key that is not Ed25519"),
        ("AUDIT_SINK", "syslog://siem.example.com", "is neither a collector behind TLS nor a file"),
        ("AUDIT_SINK", "syslog+tls://siem.example.com:0", "is neither a collector behind TLS nor a file"),
        ("AUDIT_SINK", "syslog+tls://siem.example.com/x?y", "is neither a collector behind TLS nor a file"),
        ("AUDIT_SINK", "file://host/var/log/audit", "is neither a collector behind TLS nor a file"),
        ("AUDIT_SINK", "syslog+tls://[a", "is not a URL"),
        ("AUDIT_SINK_FORMAT", "leef", "input should be 'ocsf' or 'cef'"),
        ("JWT_RETIRED_PUBLIC_KEYS", "x", "holds something that is not a public key in PEM"),
        ("API_KEY_PEPPER", "p" * 31, "is too short"),
        ("API_KEY_PEPPER", "insecure" + "p" * 32, "is public knowledge"),
        ("API_KEY_PEPPER", SECRET_KEY, "is the secret key"),
        ("TRUSTED_PROXIES", "-1", "input should be greater than or equal to 0"),
        ("DATABASE_POOL_MAX", "0", "input should be greater than or equal to 1"),
        ("ACCESS_TOKEN_SECONDS", "3601", "input should be less than or equal to 3600"),
        ("ACCESS_TOKEN_SECONDS", "301", "is over 300"),
        ("REFRESH_TOKEN_DAYS", "31", "input should be less than or equal to 30"),
        ("SESSION_IDLE_DAYS", "8", "input should be less than or equal to 7"),
        ("JWT_PREVIOUS_PRIVATE_KEY", "no key", "is not an unencrypted private key in PEM"),
        ("MAIL_URL", "https://mail.example.com", "is not the URL of a mail server"),
        ("MAIL_URL", "smtp://mail.example.com:x", "is not a URL"),
        ("REFRESH_TOKEN_DAYS", "0", "input should be greater than or equal to 1"),
        ("MAX_BODY_BYTES", "1", "input should be greater than or equal to 1024"),
        ("STAGE", "dev", "contradicts the settings module of the stage prod"),
        ("TIMEOUT", "1", "is not a setting"),
    ],
)
def test_production_refuses(variable: str, value: str, problem: str) -> None:
    name = f"INVENTORY_{variable}"

    assert (name, problem) in problems_of({**PROD, name: value})


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    secret = "hunter2-hunter2"
    environ = dict.fromkeys(
        ("INVENTORY_SECRET_KEY", "INVENTORY_DATABASE_URL", "INVENTORY_JWT_PRIVATE_KEY_FILE"), secret
    )

    with pytest.raises(ConfigurationInvalid) as caught:
        load(environ, stage="prod")

    assert len(caught.value.problems) == 7
    assert secret not in str(caught.value) + repr(caught.value.problems)
    with pytest.raises(ValidationError) as direct:
        Settings.model_validate({"stage": "prod", "secret_key": secret})
    assert secret not in str(direct.value)
    file = tmp_path / "url"
    file.write_text(f"postgresql://app:{secret}@db/inventory\n")
    settings = load({"INVENTORY_DATABASE_URL_FILE": str(file)}, stage="dev")
    assert settings.database_url == SecretStr(f"postgresql://app:{secret}@db/inventory")
    assert secret not in repr(settings) + str(settings)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text(f"{SECRET_KEY}\n")
    environ = {**PROD, "INVENTORY_SECRET_KEY_FILE": str(file)}

    assert problems_of(environ) == [("INVENTORY_SECRET_KEY", "is given twice")]

    del environ["INVENTORY_SECRET_KEY"]
    assert load(environ, stage="prod").secret_key == SecretStr(SECRET_KEY)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_bytes(b"\xff")

    expected = "names a file that cannot be read (UnicodeDecodeError)"
    assert problems_of({"INVENTORY_SECRET_KEY_FILE": str(file)}, "dev") == [("INVENTORY_SECRET_KEY_FILE", expected)]


def test_reads_retired_keys_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "retired"
    file.write_text(public_pem(ED25519) + "\n" + public_pem(P256))

    settings = load({"INVENTORY_JWT_RETIRED_PUBLIC_KEYS_FILE": str(file)}, stage="test")

    assert settings.jwt_retired_public_keys == (public_pem(ED25519), public_pem(P256))


def test_signs_with_a_p256_key_too() -> None:
    pem = private_pem(P256)

    assert load({**PROD, "INVENTORY_JWT_PRIVATE_KEY": pem}, stage="prod").jwt_private_key == SecretStr(pem)


def test_a_variable_beats_the_file_of_the_stage() -> None:
    assert load({}, stage="test").log_level == "WARNING"
    assert load({"INVENTORY_LOG_LEVEL": "ERROR"}, stage="test").log_level == "ERROR"


def test_an_empty_variable_is_not_set() -> None:
    assert load({"INVENTORY_WORKERS": "", "INVENTORY_DATABASE_URL": " "}, stage="dev") == load({}, stage="dev")


def test_reads_the_usual_name_of_the_database_too() -> None:
    usual, ours = "postgresql:///usual", "postgresql:///ours"

    assert load({"DATABASE_URL": usual}, stage="dev").database_url == SecretStr(usual)
    both = {"DATABASE_URL": usual, "INVENTORY_DATABASE_URL": ours}
    assert load(both, stage="dev").database_url == SecretStr(ours)


def test_the_file_of_a_database_url_beats_the_usual_name(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql:///ours")
    environ = {"DATABASE_URL": "postgresql:///usual", "INVENTORY_DATABASE_URL_FILE": str(file)}

    assert load(environ, stage="dev").database_url == SecretStr("postgresql:///ours")


def test_no_role_is_sql_s_none() -> None:
    assert load({"INVENTORY_DATABASE_ROLE": "none"}, stage="dev").database_role is None


def test_the_stage_comes_from_the_environment() -> None:
    assert load({"INVENTORY_STAGE": "dev"}).stage == "dev"
    assert ("INVENTORY_STAGE", "input should be 'dev', 'test' or 'prod'") in problems_of(
        {"INVENTORY_STAGE": "staging"}, stage=None
    )


def test_the_stage_comes_from_the_settings_module() -> None:
    django = {"DJANGO_SETTINGS_MODULE": "config.settings.test"}

    assert load(django).stage == "test"
    assert problems_of({**django, "INVENTORY_STAGE": "dev"}, stage=None) == [
        ("INVENTORY_STAGE", "contradicts the settings module of the stage test")
    ]
    assert load({"DJANGO_SETTINGS_MODULE": "config.settings.local", "INVENTORY_STAGE": "dev"}).stage == "dev"


def test_reads_this_process_when_given_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_WORKERS", "7")

    assert load(stage="dev").workers == 7
    assert load({}, stage="dev").workers == 2


def test_settings_cannot_change() -> None:
    settings = load({}, stage="dev")

    with pytest.raises(ValidationError, match="frozen"):
        settings.workers = 3


def test_the_example_in_the_docs_is_true() -> None:
    assert doctest.testmod(configs) == (0, 3)
