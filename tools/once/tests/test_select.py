"""Only the test files whose recorded inputs changed run again, in a real Django project."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pytest_workspaces import pytest_workspace
from workspaces import Workspace

FILES = {
    "shop/__init__.py": "",
    "shop/settings.py": (
        'SECRET_KEY = "k"\n'
        'ROOT_URLCONF = "shop.urls"\n'
        'INSTALLED_APPS = ["goods", "prices"]\n'
        'TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]\n'
        'ALLOWED_HOSTS = ["testserver"]\n'
        "USE_TZ = True\n"
    ),
    "shop/urls.py": (
        "from django.urls import include, path\n"
        'urlpatterns = [path("goods/", include("goods.urls")), path("prices/", include("prices.urls"))]\n'
    ),
    "goods/__init__.py": "",
    "goods/urls.py": (
        "from django.shortcuts import render\nfrom django.urls import path\n"
        'urlpatterns = [path("", lambda request: render(request, "goods/list.html"))]\n'
    ),
    "goods/templates/goods/list.html": "goods\n",
    "prices/__init__.py": "",
    "prices/apps.py": (
        'from django.apps import AppConfig\nclass Prices(AppConfig):\n    name = "prices"\n'
        '    verbose_name = "Prices"\n'
    ),
    "prices/urls.py": (
        "from django.shortcuts import render\nfrom django.urls import path\n"
        'urlpatterns = [path("", lambda request: render(request, "prices/list.html"))]\n'
    ),
    "prices/templates/prices/list.html": "prices\n",
    "plain.py": "def double(number):\n    return 2 * number\n",
    "data/rates.csv": "1,2\n",
    "tests/conftest.py": (
        "import os, sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parents[1]))\n"
    ),
    "tests/world.py": (
        'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\n'
        "import django\ndjango.setup()\nfrom django.test import Client\n"
    ),
    "tests/test_goods.py": (
        "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).parent))\n"
        'from world import Client\ndef test():\n    assert Client().get("/goods/").content == b"goods\\n"\n'
    ),
    "tests/test_prices.py": (
        "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).parent))\n"
        'from world import Client\ndef test():\n    assert Client().get("/prices/").content == b"prices\\n"\n'
    ),
    "tests/test_apps.py": (
        "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).parent))\n"
        "import world\nfrom django.apps import apps\n"
        'def test():\n    assert apps.get_app_config("prices").verbose_name == "Prices"\n'
    ),
    "tests/test_plain.py": (
        "import plain\nfrom pathlib import Path\n"
        "def test():\n    assert plain.double(2) == 4\n"
        '    assert (Path(__file__).parents[1] / "data/rates.csv").read_text()\n'
    ),
    "README.md": "shop\n",
}
ALL = ["apps", "goods", "plain", "prices"]
DJANGO = ["apps", "goods", "prices"]
GOODS, PRICES = (f"{name}/templates/{name}/list.html" for name in ("goods", "prices"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = pytest_workspace(tmp_path_factory.mktemp("shop"), FILES, 'granularity = "file"\n')
    assert ran(made) == ALL
    return made


def ran(made: Workspace) -> list[str]:
    """Run, and return which test files ran; the report has those that did not as well."""
    done = made.once("run", "tests", "--replay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of 1 from cache, 1 passed" in done.stdout, done.stdout + done.stderr
    report = ET.parse(made.root / "build/app.xml")  # noqa: S314  # our own report
    names = {re.sub(r".*test_(\w+)", r"\1", case.get("classname") or "") for case in report.iter("testcase")}
    assert names >= set(ALL)
    suite = next(report.iter("testsuite"))
    assert int(suite.get("tests") or 0) == len(list(report.iter("testcase")))
    return sorted(set(re.findall(r"test_(\w+)\.py::\S+ PASSED", done.stdout)))


def edit(made: Workspace, path: str, text: str = "") -> None:
    """Change a file of the package so that its tests still pass, or make one."""
    file = made.root / "packages/app" / path
    before = file.read_text() if file.exists() else ""
    comment = {".py": "# again\n", ".html": "{# again #}", ".toml": "# again\n"}.get(file.suffix, "again\n")
    made.write(f"packages/app/{path}", text or (comment + before))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PRICES, ["prices"]),
        (GOODS, ["goods"]),
        ("prices/apps.py", DJANGO),  # named by a text of INSTALLED_APPS alone
        ("prices/urls.py", DJANGO),  # by a text of include(...)
        ("shop/settings.py", DJANGO),
        ("tests/world.py", DJANGO),
        ("plain.py", ["plain"]),
        ("data/rates.csv", ["plain"]),
        ("tests/test_goods.py", ["goods"]),
        ("README.md", []),
        ("goods/templates/goods/new.html", []),
        ("tests/conftest.py", ALL),
        ("pyproject.toml", ALL),
        ("goods/extra.py", ALL),  # a new module may hide another
    ],
)
def test_the_test_files_that_depend_on_a_file_run(shop: Workspace, path: str, expected: list[str]) -> None:
    edit(shop, path)
    assert ran(shop) == expected


def test_a_new_test_file_runs(shop: Workspace) -> None:
    edit(shop, "tests/test_more.py", "def test():\n    pass\n")
    assert ran(shop) == ["more"]
    (shop.root / "packages/app/tests/test_more.py").unlink()
    assert '"status": "hit"' in shop.once("run", "tests", "--json").stdout


def test_a_file_that_was_looked_for_appears(shop: Workspace) -> None:
    # Django looks into goods first.
    edit(shop, "goods/templates/prices/list.html", "{% if True %}prices{% endif %}\n")
    assert ran(shop) == ["prices"]


def test_what_failed_runs_until_it_passes(shop: Workspace) -> None:
    edit(shop, "goods/templates/prices/list.html", "wrong\n")
    assert shop.once("run", "tests").returncode == 1
    edit(shop, "README.md")
    done = shop.once("run", "tests")
    assert (done.returncode, re.findall(r"test_(\w+)\.py::test FAILED", done.stderr)) == (1, ["prices"])
    edit(shop, "goods/templates/prices/list.html", "prices\n")
    assert ran(shop) == ["prices"]


def test_a_kept_result_is_replayed_and_verified(shop: Workspace) -> None:
    edit(shop, GOODS)
    (job,) = json.loads(shop.once("run", "tests", "--json").stdout)["jobs"]
    assert (job["status"], job["kept"], job["stored"]) == ("passed", 3, True)
    done = shop.once("run", "tests", "--replay")
    assert "once: kept: 3 test files have unchanged inputs" in done.stdout
    done = shop.once("verify")
    assert (done.returncode, done.stdout.split(" in ")[0]) == (0, "verify: 1 of 1 hits are right (of 1 cached)")


def test_force_runs_all(shop: Workspace) -> None:
    done = shop.once("run", "tests", "--force", "--replay")
    assert sorted(set(re.findall(r"test_(\w+)\.py::test PASSED", done.stdout))) == ALL


def test_programs_that_are_not_traced_make_all_run(tmp_path: Path) -> None:
    native = "import subprocess\ndef test():\n    subprocess.run(['true'], check=True)\n"
    files = {"tests/test_native.py": native, "tests/test_plain.py": "def test():\n    pass\n"}
    made = pytest_workspace(tmp_path, files, 'granularity = "file"\n')
    for text in ("one", "two"):
        made.write("packages/app/README.md", text)
        (job,) = json.loads(made.once("run", "tests", "--json").stdout)["jobs"]
        assert (job["kept"], job["untraced"]) == (0, ["rm", "true"])


def test_a_granularity_that_is_none_is_refused(tmp_path: Path) -> None:
    made = pytest_workspace(tmp_path, {}, 'granularity = "test"\n')
    assert made.once("run", "tests").stderr == (
        'once: packages/app/pyproject.toml: [tool.once.tasks.tests] granularity is "package" or "file", not "test"\n'
    )
