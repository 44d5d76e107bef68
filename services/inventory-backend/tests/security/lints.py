"""What ruff has no rule for: a request's own names as names of columns, SQL that is put together, HTML as it came."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# Where a request's own words are: whoever chooses the names of look-ups chooses the columns of any table.
_OF_A_REQUEST = re.compile(r"\b(request|query_params|GET|POST|data|body)\b")
# Whose first argument is SQL.
_TAKES_SQL = frozenset({"execute", "executemany", "raw", "RawSQL", "RunSQL", "extra"})
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
        if isinstance(node, ast.Call) and _name(node.func) in _TAKES_SQL:
            for argument in (*node.args[:1], *(each.value for each in node.keywords if each.arg in {"sql", "where"})):
                if _holds_words_of_a_request(argument):
                    yield f"{node.lineno}: {ast.unparse(argument)} puts words of a request into SQL"


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _holds_words_of_a_request(argument: ast.expr) -> bool:
    """Tell whether SQL is put together of what a request says, by whatever way of putting text together."""
    parts = [each for each in ast.walk(argument) if isinstance(each, ast.JoinedStr | ast.BinOp | ast.Call | ast.List)]
    return any(_OF_A_REQUEST.search(ast.unparse(each)) for each in parts)


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
