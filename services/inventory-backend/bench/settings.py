"""The service as a developer runs it, with the bare views beside its own."""

from config.settings.base import *  # noqa: F403  (Django's way to vary settings)

ROOT_URLCONF = "bench.urls"
