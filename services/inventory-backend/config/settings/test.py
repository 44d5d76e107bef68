"""The test suite: production's settings, with a password hash that is cheap to make."""

from config.settings.base import *  # noqa: F403  (Django's way to vary settings)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # files as they lie; nothing was collected for the tests
LETTERS_IN_BACKGROUND = False  # a thread would not see what a test has not committed
