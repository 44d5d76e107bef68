"""What we build on and how we look at what we write: the lock, and linters that catch planted bugs (ASVS V15)."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.security.lints import findings, findings_in_template, sources

ROOT: Final = Path(__file__).parents[4]
RUFF: Final = str(Path(sys.executable).parent / "ruff")
# A bug -> the rule that must see it where it would be: in a module of an app.
PLANTED: Final = {
    "S101": "def f(x: int) -> None:\n    assert x\n",
    "S102": "exec('1')\n",
    "S104": "HOST = '0.0.0.0'\n",
    "S105": "password = 'hunter2'\n",
    "S110": "try:\n    pass\nexcept Exception:\n    pass\n",
    "S113": "import requests\n\nrequests.get('https://example.com')\n",
    "S301": "import pickle\n\npickle.loads(b'')\n",
    "S306": "import tempfile\n\ntempfile.mktemp()\n",
    "S307": "eval('1')\n",
    "S308": "from django.utils.safestring import mark_safe\n\n\ndef f(x: str) -> str:\n    return mark_safe(x)\n",
    "S311": "import random\n\nTOKEN = random.random()\n",
    "S314": "from xml.etree import ElementTree\n\nElementTree.fromstring('<a/>')\n",
    "S324": "import hashlib\n\nhashlib.md5(b'')\n",
    "S501": "import requests\n\nrequests.get('https://example.com', timeout=1, verify=False)\n",
    "S506": "import yaml\n\nyaml.load('a', Loader=yaml.Loader)\n",
    "S602": "import subprocess\n\nsubprocess.run('ls', shell=True)\n",
    "S608": "def f(cursor, name):\n    cursor.execute(f'SELECT * FROM users WHERE name = {name}')\n",
    "S611": "from django.db.models.expressions import RawSQL\n\n\ndef f(x: str) -> RawSQL:\n    return RawSQL(x, [])\n",
    "TID251": "import os\n\nKEY = os.environ['KEY']\n",
}
LOOKUPS: Final = (
    "Item.objects.filter(**request.GET)",
    "Item.objects.filter(**request.query_params.dict())",
    "rows.exclude(**request.data)",
    "queryset.order_by(*names).annotate(**body)",
    "Item.objects.update(**dict(request.POST.items()))",
    "rows.get(**self.request.data)",
    "Item.objects.create(**request.data['item'])",
    "rows.filter(archived_at=None, **{name: body[name] for name in body})",
    "Item.objects.raw(f\"SELECT * FROM item ORDER BY {request.GET['sort']}\")",
    'Item.objects.raw("SELECT * FROM item WHERE sku = \'" + request.data["sku"] + "\'")',
    'cursor.execute("SELECT * FROM item WHERE sku = \'%s\'" % query_params["sku"])',
    'cursor.execute("ORDER BY {}".format(request.GET["sort"]))',
    'cursor.execute(f"VACUUM {body.table}")',
    'cursor.executemany(" ".join(["INSERT INTO item", data["columns"]]), values)',
    "RawSQL(f\"SELECT {request.GET['column']}\", [])",
    "rows.extra(where=[request.GET['where']])",
    'migrations.RunSQL(sql="DROP TABLE " + body["table"])',
)


@pytest.mark.parametrize("rule", PLANTED)
def test_c2_ruff_catches_a_planted_bug(rule: str) -> None:
    command = [RUFF, "check", "--quiet", "--output-format=concise", "--stdin-filename"]
    done = subprocess.run(
        [*command, "services/inventory-backend/apps/common/planted.py", "-"],
        cwd=ROOT,
        input=PLANTED[rule],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f" {rule} " in done.stdout, done.stdout


@pytest.mark.parametrize("line", LOOKUPS)
def test_c2_our_own_lint_catches_words_of_a_request_that_become_code(line: str) -> None:
    assert len(list(findings(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        'cursor.execute("SELECT 1 FROM item WHERE sku = %s", [request.GET["sku"]])',
        "Item.objects.filter(**{column: value})",
        "rows.filter(sku=body.sku)",
    ],
)
def test_c2_our_own_lint_lets_bound_values_be(line: str) -> None:
    assert list(findings(line)) == []


@pytest.mark.parametrize("line", ["{{ name|safe }}", "{{ name | safe }}", "{% autoescape off %}"])
def test_c2_our_own_lint_catches_html_that_is_not_escaped(line: str) -> None:
    assert len(list(findings_in_template(line))) == 1


def test_c2_our_own_lints_find_nothing_in_the_tree() -> None:
    modules, templates = sources(ROOT, "*.py"), sources(ROOT, "*.html")
    assert (len(modules) > 100, len(templates) > 1) == (True, True)
    found = [f"{file}:{one}" for file in modules for one in findings(file.read_text(encoding="utf-8"))]
    found += [f"{file}:{one}" for file in templates for one in findings_in_template(file.read_text(encoding="utf-8"))]
    assert found == []


# Made up, and put together here, so that this file holds none of them.
SECRETS: Final = {
    "aws": "aws = 'AKIA" + "IOSFODNN7EXAMPLQ'",
    "github": "token = 'ghp_" + "a1B2" * 9 + "'",
    "private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
    "slack": "hook = 'https://hooks.slack.com/services/" + "T0AB12CD3/B0AB12CD3/" + "a1B2" * 6 + "'",
    "stripe": "key = 'sk_live_" + "a1B2" * 6 + "'",
    "url": "postgresql://app:" + "hunter2@db.example.com/inventory",
    "jwt": "token = 'eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl'",
    "hex": "key = '" + "0f1e2d3c4b5a69788796a5b4c3d2e1f0" + "a9b8c7d6'",
}


def _hooked(*files: Path) -> subprocess.CompletedProcess[str]:
    hook = str(Path(sys.executable).parent / "detect-secrets-hook")
    return subprocess.run(
        [hook, "--baseline", ".secrets.baseline", *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_c2_a_planted_secret_is_not_committed(tmp_path: Path) -> None:
    files = {kind: tmp_path / f"{number}.txt" for number, kind in enumerate(SECRETS)}
    for kind, file in files.items():
        file.write_text(f"{SECRETS[kind]}\n", encoding="utf-8")
    harmless = tmp_path / "harmless.txt"
    harmless.write_text("password = read_from(SOURCE)\n", encoding="utf-8")
    done = _hooked(*files.values(), harmless)
    assert done.returncode == 1
    assert [kind for kind, file in files.items() if str(file) not in done.stdout] == []
    assert (str(harmless) in done.stdout, _hooked(harmless).returncode) == (False, 0)


def test_c2_the_hook_of_secrets_runs_at_each_commit() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "entry: uv run --no-sync detect-secrets-hook --baseline .secrets.baseline" in hooks


def _locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return packages


def test_c1_everything_that_is_not_ours_is_locked_with_its_hash() -> None:
    foreign = [package for package in _locked() if "registry" in package["source"]]
    assert len(foreign) > 50
    for package in foreign:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
    assert [package["name"] for package in _locked() if {"git", "url", "path"} & set(package["source"])] == []


def test_c1_there_is_one_index() -> None:
    indexes = {package["source"]["registry"] for package in _locked() if "registry" in package["source"]}
    assert len(indexes) == 1
    assert all(index.startswith("https://") for index in indexes)


def test_c1_ci_installs_what_is_locked() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    syncs = [line for line in workflow.splitlines() if "uv sync" in line]
    assert syncs != []
    assert [line for line in syncs if "--locked" not in line] == []
