"""Where letters go: a mail server, or without one the terminal."""

from typing import Any
from urllib.parse import unquote, urlsplit

import configs

_TIMEOUT_SECONDS = 20


def mailer(config: configs.Settings) -> dict[str, Any]:
    """Return Django's settings for the mail server of `INVENTORY_MAIL_URL`."""
    if config.mail_url is None:
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(config.mail_url.get_secret_value())
    is_tls = parts.scheme == "smtps"
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": parts.port or (465 if is_tls else 587),
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_ssl": is_tls,
            "use_tls": not is_tls,
            "timeout": _TIMEOUT_SECONDS,
        },
    }
