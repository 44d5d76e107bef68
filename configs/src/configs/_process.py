"""The environment of this process, for whoever starts it and what it starts."""

import os

from configs._load import load
from configs._settings import Settings, Stage


def begin(*, otherwise: Stage, settings_package: str) -> Settings:
    """Load this process's settings and tell Django which settings module goes with them.

    A stage that was chosen, by INVENTORY_STAGE or DJANGO_SETTINGS_MODULE, is left alone.

    Args:
        otherwise: The stage where none was chosen.
        settings_package: The package that holds one settings module for each stage.

    Raises:
        ConfigurationInvalid: Naming every variable that is missing, malformed or unknown.
    """
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        os.environ.setdefault("INVENTORY_STAGE", otherwise)
    settings = load()
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        os.environ["DJANGO_SETTINGS_MODULE"] = f"{settings_package}.{settings.stage}"
    return settings


def publish(**variables: str) -> None:
    """Set variables for the rest of this process and for every process that it starts.

    A server's workers read their settings anew: what the command line decided reaches them this way.
    """
    os.environ.update(variables)
