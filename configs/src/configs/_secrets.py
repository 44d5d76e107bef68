"""Secrets that the database names and does not hold: the environment and mounted files keep them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

# Whoever writes a reference in the database must not be able to name every variable or file of this process: the key
# that signs cursors would leave the house as the password of an identity provider.
_REFERENCE: Final = re.compile(r"env:(?P<variable>SSO_SECRET_[A-Z0-9_]{1,64})|file:(?P<file>[a-z0-9][a-z0-9_-]{0,63})")
_LARGEST: Final = 16 * 1024


class SecretUnavailable(LookupError):
    """A reference leads to no secret; the message names the reference and never a value."""


def is_secret_reference(text: str) -> bool:
    """Tell whether `text` names a secret: `env:SSO_SECRET_ACME`, or `file:acme` in the folder of secrets.

    >>> [is_secret_reference(text) for text in ("env:SSO_SECRET_ACME", "file:acme", "env:PATH", "file:../x")]
    [True, True, False, False]
    """
    return _REFERENCE.fullmatch(text) is not None


def secret(reference: str, *, folder: Path, environ: Mapping[str, str] | None = None) -> SecretStr:
    """Return the secret that a reference names, as it is now: a file that was replaced is read anew.

    Args:
        reference: `env:SSO_SECRET_...` or `file:name`.
        folder: Where the files are mounted.
        environ: The variables; those of this process when left out.

    Raises:
        SecretUnavailable: It is no such reference, or nothing readable is there.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretUnavailable("A secret is named as env:SSO_SECRET_NAME or file:name.")
    if (variable := match["variable"]) is not None:
        value = (os.environ if environ is None else environ).get(variable, "")
    else:
        value = _content(folder / match["file"], reference)
    if not value.strip():
        raise SecretUnavailable(f"There is no secret at {reference}. Set it, and try again.")
    return SecretStr(value.strip())


def _content(file: Path, reference: str) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.read(_LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnavailable(
            f"{reference} cannot be read ({type(error).__name__}). Mount it, and try again."
        ) from error
