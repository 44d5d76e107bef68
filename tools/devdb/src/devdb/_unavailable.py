"""The one error that callers handle."""


class DevdbUnavailable(Exception):
    """No PostgreSQL can be had; the message says why and what to do about it."""
