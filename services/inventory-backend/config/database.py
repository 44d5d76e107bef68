"""One PostgreSQL database, reached through a pool, as a role that owns nothing."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict

import configs

_TO_DJANGO = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}  # nosec B105


def database_settings(config: configs.Settings) -> dict[str, Any]:
    """Return Django's settings for the tenant's database.

    Without `DATABASE_URL` the name is empty: Django starts, `inventory` commands that need no database run, and
    whatever connects fails at once with Django's own message.
    """
    url = config.database_url.get_secret_value() if config.database_url else ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,  # the pool keeps connections; see psycopg_pool
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        **address_settings(url, config, role=config.database_role, pool_max=config.database_pool_max),
    }


def address_settings(url: str, config: configs.Settings, *, role: str | None, pool_max: int) -> dict[str, Any]:
    """Return the part of the settings that says where the database is and as whom to enter it.

    `role` is taken with SET ROLE at connect; None keeps the login's own rights, as migrations need.
    `pool_max` of 0 opens a connection per thread instead of a pool.
    """
    parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    address = {name: parts.pop(key, "") for key, name in _TO_DJANGO.items()}
    session = {
        "statement_timeout": config.statement_timeout_ms,
        "lock_timeout": config.lock_timeout_ms,
        # A merge join reads the other table from its start up to the rows of the page: deep pages would cost more.
        "enable_mergejoin": "off",
    }
    flags = [f"-c {name}={value}" for name, value in session.items()]
    if role is not None:
        flags.append(f"-c role={role}")
    options: dict[str, Any] = {
        **parts,
        "options": " ".join(flags),
        "application_name": "inventory",
        # Statements that recur are planned once for each connection. A pooler between us and the database must
        # therefore know of prepared statements (PgBouncer does from 1.21).
        "server_side_binding": True,
        "prepare_threshold": 5,
    }
    if pool_max:
        options["pool"] = {"min_size": 1, "max_size": pool_max, "timeout": 10}
    return {**address, "OPTIONS": options}
