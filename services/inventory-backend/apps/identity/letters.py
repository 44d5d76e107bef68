"""Letters with links, and the thread that writes them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import connections

log = structlog.get_logger(__name__)

_writer: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="letters")

_RESET: Final = """\
Somebody, we hope you, asked for a new password of the account {username}.

Choose one here within an hour:
{link}

If it was not you, do nothing: the password stays as it is.
"""
_INVITATION: Final = """\
You have an account: {username}.

Choose a password here within three days:
{link}
"""


def in_background(write: Callable[[], None]) -> Future[None] | None:
    """Run `write` after the answer is on its way, so that nobody learns from its time whether there was anything to do.

    A letter that is lost with the process is asked for again.
    """
    if not settings.LETTERS_IN_BACKGROUND:
        write()
        return None
    return _writer.submit(_written, write)


def send_reset(*, address: str, username: str, token: str) -> None:
    """Send the link to a new password."""
    text = _RESET.format(username=username, link=_link("reset-password", token))
    send_mail("A new password", text, None, [address])


def send_invitation(*, address: str, username: str, token: str) -> None:
    """Send the link to a first password."""
    text = _INVITATION.format(username=username, link=_link("accept-invitation", token))
    send_mail("Your account", text, None, [address])


def _link(page: str, token: str) -> str:
    # What follows # is not sent to any server, and so is in no log.
    return f"{settings.CONFIG.jwt_issuer.rstrip('/')}/{page}#{token}"


def _written(write: Callable[[], None]) -> None:
    try:
        write()
    except Exception:
        log.exception("letter.lost")
    finally:
        connections.close_all()
