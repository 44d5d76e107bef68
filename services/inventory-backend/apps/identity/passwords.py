"""How passwords are kept: argon2id within OWASP's bounds (ASVS 5.0 appendix C)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """46 MiB, one pass, one lane: Django's default of 100 MiB and 8 lanes lets 50 sign-ins at once take 5 GB."""

    time_cost = 1
    memory_cost = 46 * 1024
    parallelism = 1
