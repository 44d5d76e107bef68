"""Typed settings of the inventory backend, and the only reader of its environment.

>>> settings = load({"INVENTORY_WORKERS": "3"}, stage="test")
>>> settings.workers, settings.database_role
(3, 'inventory_app')
>>> settings.secret_key
SecretStr('**********')
"""

from configs._errors import ConfigurationInvalid, Problem
from configs._load import load
from configs._process import begin, publish
from configs._secrets import SecretUnavailable, is_secret_reference, secret
from configs._settings import Settings, Stage
from configs._sources import Environment, MountedFiles, SecretSource, SourceUnreadable, Vault

__all__ = [
    "ConfigurationInvalid",
    "Environment",
    "MountedFiles",
    "Problem",
    "SecretSource",
    "SecretUnavailable",
    "Settings",
    "SourceUnreadable",
    "Stage",
    "Vault",
    "begin",
    "is_secret_reference",
    "load",
    "publish",
    "secret",
]
