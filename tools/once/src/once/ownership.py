"""Who owns which package: `[tool.once] owners` of each pyproject.toml, as GitHub's CODEOWNERS."""

import re
import tomllib
from collections.abc import Callable, Iterator

from once.workspace import BadWorkspace, Workspace

FILE = ".github/CODEOWNERS"
MARK = "# Written by `once codeowners --write` from `[tool.once] owners` of each pyproject.toml.\n"
# A user, a team of an organization, or a mail address.
OWNER = re.compile(r"@[\w-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+")


def codeowners(workspace: Workspace, read: Callable[[str], bytes]) -> str:
    """Return the text of CODEOWNERS: the root's owners for everything, then each package that names its own.

    The last line that matches a file decides, so a package inside another's folder comes after it. No owners
    (`owners = []`) take a package out of the root's.

    Args:
        workspace: The packages.
        read: Returns the content of a file of the root.

    Raises:
        BadWorkspace: Owners are not a list of names that GitHub knows.
    """
    return MARK + "".join(f"{line}\n" for line in _lines(workspace, read))


def _lines(workspace: Workspace, read: Callable[[str], bytes]) -> Iterator[str]:
    root = _owners("pyproject.toml", read)
    if root is not None:
        yield " ".join(["*", *root])
    for path in sorted(member.path for member in workspace.members.values() if member.path != "."):
        owners = _owners(f"{path}/pyproject.toml", read)
        if owners is not None:
            yield " ".join([f"/{path}/".replace(" ", "\\ "), *owners])


def _owners(file: str, read: Callable[[str], bytes]) -> list[str] | None:
    """Return the owners that a pyproject.toml names, None where it names none."""
    found = tomllib.loads(read(file).decode()).get("tool", {}).get("once", {}).get("owners")
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) and OWNER.fullmatch(each) for each in found):
        raise BadWorkspace(f'{file}: [tool.once] owners is a list of users, teams or mail addresses: ["@org/team"]')
    return found
