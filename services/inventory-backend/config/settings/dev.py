"""A developer's machine and the demo."""

from config.settings.base import *  # noqa: F403  (Django's way to vary settings)
