import json
from pathlib import Path

import pytest
from workspaces import PYTHON, REGISTRY, Workspace, lock, locked, workspace


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    """`app` needs `base`; Foo.Bar is installed and holds the module foobar."""
    made = workspace(tmp_path, {"app": ["base"], "base": []}, files=0)
    made.write("packages/base/src/base/__init__.py", "")
    made.write("packages/base/src/base/web/views.py", "")
    made.write("packages/app/src/app/__init__.py", "import base\n")
    about = f".venv/lib/{PYTHON}/site-packages/foo_bar-1.dist-info"
    made.write(f"{about}/METADATA", "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1\n")
    made.write(f"{about}/top_level.txt", "foobar\n")
    return made


def findings(made: Workspace) -> list[str]:
    done = made.once("imports")
    assert (done.returncode, done.stderr) == (1 if done.stdout else 0, "")
    return done.stdout.splitlines()


def pyproject(made: Workspace, name: str, text: str) -> None:
    made.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\n{text}')


def test_what_is_declared_and_used_is_no_finding(made: Workspace) -> None:
    assert findings(made) == []


def test_an_undeclared_member_is_named_with_line_and_fix(made: Workspace) -> None:
    made.write("packages/base/src/base/late.py", "import os\n\n\ndef late() -> None:\n    from app import x\n")
    assert findings(made) == [
        (
            "packages/base/src/base/late.py:5: undeclared: imports app, which is not declared: "
            'add "app" to [project].dependencies of packages/base/pyproject.toml'
        )
    ]


def test_an_undeclared_distribution_is_named_as_it_is_installed(made: Workspace) -> None:
    made.write("packages/base/src/base/late.py", "from foobar.deep import x\nimport foobar\n")
    assert findings(made) == [
        (
            "packages/base/src/base/late.py:1: undeclared: imports foobar, which is not declared: "
            'add "foo-bar" to [project].dependencies of packages/base/pyproject.toml'
        )
    ]
    pyproject(made, "base", 'dependencies = ["foo_bar>=1"]\n')
    assert findings(made) == []


def test_what_nothing_provides_is_unknown_unless_an_extra_declares_it(made: Workspace) -> None:
    made.write("packages/base/src/base/late.py", "import gone\n")
    assert findings(made) == [
        (
            "packages/base/src/base/late.py:1: unknown: imports gone, which nothing installed provides: "
            "declare what provides it in packages/base/pyproject.toml and run `uv sync`, or correct the name"
        )
    ]
    pyproject(made, "base", '[project.optional-dependencies]\nfast = ["gone"]\n')
    assert findings(made) == []


def test_what_only_another_package_declares_is_not_declared_here(made: Workspace) -> None:
    pyproject(made, "base", 'dependencies = ["foo-bar"]\n')
    made.write("packages/app/src/app/__init__.py", "import base, foobar\n")
    assert [each.partition(": imports")[0] for each in findings(made)] == [
        "packages/app/src/app/__init__.py:1: undeclared"
    ]


def test_a_declared_member_that_is_not_used_is_named_in_its_line(made: Workspace) -> None:
    made.write("packages/app/src/app/__init__.py", 'permission = "base.view"\n')
    pyproject(made, "app", 'description = "on base"\ndependencies = [\n    "base",\n]\n')
    assert findings(made) == [
        (
            "packages/app/pyproject.toml:6: unused: declares base, which nothing here imports: "
            'remove "base" from packages/app/pyproject.toml'
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        'INSTALLED_APPS = ["base"]',
        'INSTALLED_APPS: list[str] = ["base"]',
        'INSTALLED_APPS = []\nINSTALLED_APPS += ["base"]',
        'view = "base.web.views.Home"',
        'import importlib\nimportlib.import_module("base")',
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from base import web",
    ],
)
def test_strings_of_django_and_late_imports_are_uses(made: Workspace, text: str) -> None:
    made.write("packages/app/src/app/__init__.py", f"{text}\n")
    assert findings(made) == []


def test_an_installed_app_is_an_import(made: Workspace) -> None:
    made.write("packages/base/src/base/settings.py", 'INSTALLED_APPS = [\n    "app",\n]\n')
    assert [each.partition(": imports")[0] for each in findings(made)] == [
        "packages/base/src/base/settings.py:2: undeclared"
    ]


def test_tests_may_use_groups_of_the_root_and_each_other(made: Workspace) -> None:
    made.write("packages/base/tests/world.py", "")
    made.write("packages/base/tests/unit/test_world.py", "import foobar\nimport world\n")
    assert findings(made) == [
        (
            "packages/base/tests/unit/test_world.py:1: undeclared: imports foobar, which is not declared: "
            'add "foo-bar" to a group of [dependency-groups] of pyproject.toml'
        )
    ]
    top = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", top + '[dependency-groups]\ndev = [{ include-group = "t" }]\nt = ["foo.bar"]\n')
    assert findings(made) == []
    made.write("packages/base/src/base/late.py", "import foobar\n")
    assert [each.partition(": imports")[0] for each in findings(made)] == [
        "packages/base/src/base/late.py:1: undeclared"
    ]


def test_tests_declare_other_members_themselves_since_they_are_their_inputs(made: Workspace) -> None:
    made.write("packages/base/tests/test_world.py", "import app\n")
    top = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", top + '[dependency-groups]\ndev = ["app"]\n')
    assert findings(made) == [
        (
            "packages/base/tests/test_world.py:1: undeclared: imports app, which is not declared: "
            'add "app" to [dependency-groups].dev of packages/base/pyproject.toml'
        )
    ]
    pyproject(made, "base", '[dependency-groups]\ndev = ["app"]\n')
    assert findings(made) == []


def test_a_member_in_the_group_of_a_task_is_an_input_of_all_tests(made: Workspace) -> None:
    made.write("packages/base/tests/test_world.py", "import app\n")
    top = (made.root / "pyproject.toml").read_text().replace("tasks.tests]\n", 'tasks.tests]\ngroup = "t"\n')
    made.write("pyproject.toml", top + '[dependency-groups]\nt = [{ include-group = "u" }]\nu = ["app"]\n')
    assert findings(made) == []


def test_who_asks_for_an_extra_may_import_what_it_stands_for(made: Workspace) -> None:
    pyproject(made, "app", 'dependencies = ["base[web]"]\n')
    pyproject(made, "base", '[project.optional-dependencies]\nweb = ["foo-bar"]\n')
    made.write("packages/app/src/app/__init__.py", "import base, foobar\n")
    lines = [each.partition(": imports")[0] for each in findings(made)]
    assert lines == ["packages/app/src/app/__init__.py:1: undeclared"]
    source = 'source = { editable = "packages/base" }\n'
    extra = '[package.optional-dependencies]\nweb = [{ name = "foo-bar" }]\n'
    entry = locked("foo-bar", (), source=REGISTRY)
    made.write("uv.lock", (made.root / "uv.lock").read_text().replace(source, source + extra) + entry)
    assert findings(made) == []


def test_what_only_type_checkers_see_may_come_from_a_group(made: Workspace) -> None:
    top = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", top + '[dependency-groups]\ntypes = ["foo.bar"]\n')
    text = "import typing\nif typing.TYPE_CHECKING:\n    import foobar\nelse:\n    import foobar\n"
    made.write("packages/base/src/base/late.py", text)
    assert [each.partition(": imports")[0] for each in findings(made)] == [
        "packages/base/src/base/late.py:5: undeclared"
    ]


def test_a_script_may_import_what_is_beside_it(made: Workspace) -> None:
    made.write("packages/base/src/base/site/start.py", "import recorder\n")
    assert [each.partition(": imports")[0] for each in findings(made)] == [
        "packages/base/src/base/site/start.py:1: unknown"
    ]
    made.write("packages/base/src/base/site/recorder.py", "")
    assert findings(made) == []


def test_texts_in_installed_apps_that_are_no_modules_are_left_alone(made: Workspace) -> None:
    made.write("packages/base/src/base/late.py", 'INSTALLED_APPS = ["", f"{__name__} app"]\n')
    assert findings(made) == []


def test_each_cycle_is_one_finding(made: Workspace) -> None:
    pyproject(made, "base", 'dependencies = [\n    "app>=0",\n]\n')
    made.write("packages/base/src/base/late.py", "import app\n")
    assert findings(made) == [
        (
            "packages/app/pyproject.toml:4: cycle: depends on itself (app -> base -> app): "
            'remove "base" from packages/app/pyproject.toml, or move what both need to a package below them'
        )
    ]


def test_two_cycles_are_two_findings(made: Workspace) -> None:
    pyproject(made, "base", 'dependencies = ["app", "three"]\n')
    pyproject(made, "three", 'dependencies = ["base"]\n')
    made.write("packages/base/src/base/late.py", "import app, three\n")
    made.write("packages/three/src/three/__init__.py", "import base\n")
    made.write("uv.lock", lock({"app": [], "base": [], "three": []}, versions={}, groups={}))
    assert [each.partition(": remove")[0] for each in findings(made)] == [
        "packages/app/pyproject.toml:4: cycle: depends on itself (app -> base -> app)",
        "packages/base/pyproject.toml:4: cycle: depends on itself (base -> three -> base)",
    ]


def test_flat_packages_and_namespaces(made: Workspace) -> None:
    backend = '[tool.uv.build-backend]\nmodule-root = ""\nmodule-name = ["config", "apps"]\nnamespace = true\n'
    pyproject(made, "base", backend)
    (made.root / "packages/base/src/base/__init__.py").unlink()
    (made.root / "packages/base/src/base/web/views.py").unlink()
    made.write("packages/base/apps/catalog/models.py", "")
    made.write("packages/base/config/urls.py", "import apps.catalog.models\nfrom apps import catalog\nimport foobar\n")
    made.write("packages/base/bench/run.py", "import apps.catalog, foobar\n")
    made.write("packages/base/apps/catalog/tests/test_models.py", "import foobar\n")
    top = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", top + '[dependency-groups]\ndev = ["foo.bar"]\n')
    made.write("packages/app/src/app/__init__.py", "from apps import catalog\n")
    assert [each.partition(": imports")[0] for each in findings(made)] == ["packages/base/config/urls.py:3: undeclared"]


def test_what_is_no_python_is_said(made: Workspace) -> None:
    made.write("packages/base/src/base/late.py", "x = 1\ndef\n")
    assert findings(made) == [
        "packages/base/src/base/late.py:2: unreadable: cannot be parsed: invalid syntax (<unknown>, line 2)"
    ]


def test_the_same_as_json(made: Workspace) -> None:
    made.write("packages/app/src/app/__init__.py", "")
    done = made.once("imports", "--json")
    assert json.loads(done.stdout) == [
        {
            "path": "packages/app/pyproject.toml",
            "line": 4,
            "code": "unused",
            "message": 'declares base, which nothing here imports: remove "base" from packages/app/pyproject.toml',
        }
    ]
