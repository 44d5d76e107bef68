"""What uv, turbo, nx, moon and once read to see the same graph and the same task."""

import json

from bench.graph import Shape

_MANIFESTS = 3  # pyproject.toml, package.json and moon.yml


def package_files(shape: Shape, number: int) -> dict[str, str]:
    """Return the files of one package: path within it -> content."""
    name, needs = shape.names[number], shape.needs(number)
    nx = {"executor": "nx:run-commands", "options": {"command": shape.task, "cwd": f"packages/{name}"}}
    npm = {"name": name, "version": "0.1.0", "private": True, "dependencies": dict.fromkeys(needs, "*")}
    files = {
        "pyproject.toml": _pyproject(name, needs),
        "package.json": _json(npm | {"nx": {"targets": {"tests": nx}}}),
        "moon.yml": f"id: {name}\nlanguage: python\ndependsOn: {json.dumps(needs)}\n",
    }
    for module in range(shape.files - _MANIFESTS):
        # The same in all packages: their objects are what takes git longest to write.
        files[f"src/{name}/m{module}.py"] = f'"""Module {module}."""\n\nVALUE = {module}\n'
    return files


def root_files(shape: Shape) -> dict[str, str]:
    """Return the files beside the packages: path -> content."""
    tests = {"dependsOn": ["^tests"]}
    # turbo runs the command itself: through npm, its other way, each task would cost 0.3 s more.
    turbo = tests | {"command": ["sh", "-c", shape.task], "outputs": ["out/**"]}
    nx = tests | {"cache": True, "outputs": ["{projectRoot}/out"]}
    npm = {"name": "generated", "private": True, "workspaces": ["packages/*"]}
    npm_lock = {"lockfileVersion": 3, "packages": {"": npm} | _npm_links(shape.names)}
    return {
        ".gitignore": "out/\nnode_modules\n__pycache__/\n.nox/\n.turbo/\n.nx/\n.moon/cache/\n",
        "pyproject.toml": _root_pyproject(shape),
        "uv.lock": _uv_lock(shape),
        "noxfile.py": _NOXFILE,
        "package.json": _json(npm | {"packageManager": "npm@11.0.0"}),
        "package-lock.json": _json(npm_lock),
        "turbo.json": _json({"futureFlags": {"experimentalTaskCommand": True}, "tasks": {"tests": turbo}}),
        "nx.json": _json({"analytics": False, "defaultBase": "main", "targetDefaults": {"tests": nx}}),
        ".moon/workspace.yml": "projects: [packages/*]\ntelemetry: false\nvcs: {defaultBranch: main}\n",
        ".moon/tasks/all.yml": f"tasks: {{tests: {{script: '{shape.task}', deps: ['^:tests'], outputs: [out]}}}}\n",
    }


_NOXFILE = """\
import nox

nox.options.default_venv_backend = "none"


@nox.session
def empty(session):
    pass


@nox.session
def tests(session):
    session.run("once", "run", "tests")
"""


def _json(content: object) -> str:
    return json.dumps(content, indent=2) + "\n"


def _pyproject(name: str, needs: list[str]) -> str:
    sources = "".join(f"{need} = {{ workspace = true }}\n" for need in needs)
    return f"""\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.13"
dependencies = {json.dumps(needs)}

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.sources]
{sources}"""


def _root_pyproject(shape: Shape) -> str:
    return f"""\
[project]
name = "generated"
version = "0.1.0"
requires-python = ">=3.13"

[tool.uv]
package = false

[tool.uv.workspace]
members = ["packages/*"]

[tool.once.tasks.tests]
run = [["sh", "-c", "cd {{path}} && {shape.task}"]]
outputs = ["out/r"]
"""


def _uv_lock(shape: Shape) -> str:
    members = "".join(f'    "{name}",\n' for name in ["generated", *shape.names])
    head = f'version = 1\nrevision = 5\nrequires-python = ">=3.13"\n\n[manifest]\nmembers = [\n{members}]\n'
    root = '\n[[package]]\nname = "generated"\nversion = "0.1.0"\nsource = { virtual = "." }\n'
    return head + root + "".join(_locked(name, shape.needs(number)) for number, name in enumerate(shape.names))


def _locked(name: str, needs: list[str]) -> str:
    entry = f'\n[[package]]\nname = "{name}"\nversion = "0.1.0"\nsource = {{ editable = "packages/{name}" }}\n'
    if not needs:
        return entry
    edges = "".join(f'    {{ name = "{need}" }},\n' for need in needs)
    wanted = [f'{{ name = "{need}", editable = "packages/{need}" }}' for need in needs]
    wants = wanted[0] if len(wanted) == 1 else "\n" + "".join(f"    {want},\n" for want in wanted)
    return f"{entry}dependencies = [\n{edges}]\n\n[package.metadata]\nrequires-dist = [{wants}]\n"


def _npm_links(names: list[str]) -> dict[str, object]:
    members: dict[str, object] = {f"packages/{name}": {"name": name, "version": "0.1.0"} for name in names}
    return members | {f"node_modules/{name}": {"resolved": f"packages/{name}", "link": True} for name in names}
