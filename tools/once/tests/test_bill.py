import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from uv_binary import uv
from workspaces import Workspace, workspace


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, {"app": ["base", "django"], "base": []}, versions={"django": "6.1", "ruff": "1"})
    text = (made.root / "uv.lock").read_text()
    # uv wants them whole.
    made.write(
        "uv.lock", re.sub(r"sha256:[\w.-]+", lambda found: f"sha256:{sha256(found[0].encode()).hexdigest()}", text)
    )
    made.commit()
    return made


def provenance(made: Workspace, *arguments: str, status: int = 0) -> dict[str, Any]:
    done = made.once("provenance", *arguments)
    assert done.returncode == status, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_package_s_closure_is_listed_the_same_each_time(made: Workspace) -> None:
    with_uv = {"UV": uv(made.root)}
    first, second = made.once("sbom", "app", **with_uv), made.once("sbom", "app", **with_uv)
    assert (first.returncode, first.stderr) == (0, "")
    found = json.loads(first.stdout)
    assert (found["bomFormat"], found["specVersion"], found["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "1.5",
        "app",
    )
    assert sorted((each["name"], each["version"]) for each in found["components"]) == [("base", "0"), ("django", "6.1")]
    assert first.stdout == second.stdout
    assert found["serialNumber"] != json.loads(made.once("sbom", "base", **with_uv).stdout)["serialNumber"]
    assert made.git("status", "--porcelain") == ""


def test_what_cannot_be_listed_is_said(made: Workspace) -> None:
    done = made.once("sbom", "gone")
    assert (done.returncode, done.stderr) == (2, "once: There is no package 'gone'; there are: app, base.\n")
    done = made.once("sbom", "app", PATH="/nowhere")
    assert (done.returncode, done.stdout) == (3, "")  # no git either
    done = made.once("sbom", "app", "--extra", "gone", UV=uv(made.root))
    assert done.returncode == 2
    assert done.stderr.startswith("once: uv cannot list app: ")
    assert "gone" in done.stderr


def test_results_are_bound_to_commit_key_and_outputs(made: Workspace) -> None:
    made.once("run", "tests")
    commit = made.git("rev-parse", "HEAD").strip()
    plan = json.loads(made.once("plan", "tests", "--json").stdout)
    keys = {row["job"]: row["key"] for row in plan}
    outputs = {name: sha256(f"made {name}\n".encode()).hexdigest() for name in ("app", "base")}
    found = provenance(made)
    assert (found["_type"], found["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert found["subject"] == [
        {"name": f"packages/{name}/out/r", "digest": {"sha256": outputs[name]}} for name in ("app", "base")
    ]
    definition = found["predicate"]["buildDefinition"]
    assert definition["internalParameters"]["jobs"] == [
        {
            "job": f"tests({name})",
            "key": keys[f"tests({name})"],
            "passed": True,
            "outputs": {f"packages/{name}/out/r": outputs[name]},
        }
        for name in ("app", "base")
    ]
    lock = sha256((made.root / "uv.lock").read_bytes()).hexdigest()
    assert definition["resolvedDependencies"] == [
        {"name": "source", "digest": {"gitCommit": commit}, "annotations": {"dirty": False}},
        {"name": "uv.lock", "digest": {"sha256": lock}},
    ]


def test_a_change_is_dirty_and_has_not_passed(made: Workspace) -> None:
    made.once("run", "tests")
    made.write("packages/app/src/m0.py", "x = 'changed'\n")
    definition = provenance(made, "--task", "tests", status=1)["predicate"]["buildDefinition"]
    assert definition["resolvedDependencies"][0]["annotations"] == {"dirty": True}
    assert [(each["job"], each["passed"]) for each in definition["internalParameters"]["jobs"]] == [
        ("tests(app)", False),
        ("tests(base)", True),
    ]
    done = made.once("provenance", "app", "base")
    assert done.stderr == "once: not passed as they are now: tests(app); see `once run`\n"
    assert provenance(made, "base")["subject"] == [
        {"name": "packages/base/out/r", "digest": {"sha256": sha256(b"made base\n").hexdigest()}}
    ]


def test_without_outputs_the_package_s_files_are_the_subject(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": []}, tasks="\n[tool.once.tasks.tests]\nrun = [['true']]\n")
    made.once("run", "tests")
    before = provenance(made)["subject"]
    assert [each["name"] for each in before] == ["packages/base"]
    made.write("packages/base/src/m0.py", "x = 'changed'\n")
    made.once("run", "tests")
    after = provenance(made)["subject"]
    assert after[0]["digest"] != before[0]["digest"]


def test_without_a_commit_there_is_no_provenance(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": []})
    made.git("update-ref", "-d", "HEAD")
    done = made.once("provenance")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "once: There is no commit here that results could come from: commit first\n"
