"""What ruff has no rule for: a request's own names as names of columns, and HTML that is not escaped."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# Where a request's own words are: whoever chooses the names of look-ups chooses the columns of any table.
_OF_A_REQUEST = re.compile(r"\b(request|query_params|GET|POST|data|body)\b")
_UNESCAPED = re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off")


def findings(source: str) -> Iterator[str]:
    """Yield what is wrong with a module, with the line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = ast.unparse(node.func)
            is_lookup = node.func.attr in {"filter", "exclude", "get", "order_by", "annotate", "update", "create"}
            for keyword in node.keywords:
                if keyword.arg is None and is_lookup and _OF_A_REQUEST.search(ast.unparse(keyword.value)):
                    yield f"{node.lineno}: {named}(**{ast.unparse(keyword.value)}) lets a request name columns"


def findings_in_template(source: str) -> Iterator[str]:
    """Yield what is wrong with a template, with the line."""
    for number, line in enumerate(source.splitlines(), 1):
        if _UNESCAPED.search(line):
            yield f"{number}: {line.strip()} is not escaped"


def sources(root: Path, pattern: str) -> list[Path]:
    """Return the files of a checkout that are ours and no test."""
    folders = ("services", "libs", "configs", "tools")
    found = (file for folder in folders for file in (root / folder).rglob(pattern))
    return sorted(file for file in found if not {"tests", "build", ".devdb"} & set(file.parts))
