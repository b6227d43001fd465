"""The action and workflow for GitHub and the job for GitLab: valid by their schemas, and their commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree
from ruamel.yaml import YAML

from fixtures.limits import HANG
from tests.recipes.programs import EXAMPLES, ROOT
from tests.recipes.tools.installed import run

ACTION = EXAMPLES / "github" / "actions" / "scanready" / "action.yml"
WORKFLOW = EXAMPLES / "github" / "workflows" / "scanready.yml"
GITLAB = EXAMPLES / "gitlab" / "scanready.gitlab-ci.yml"
SCHEMAS = {ACTION: "vendor.github-actions", WORKFLOW: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}
FIXED = ROOT / "fixtures" / "schemas"
HOSTILE = "$(touch hacked) `touch hacked`; touch hacked.yaml"


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def judged(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    return run("check-jsonschema", "--builtin-schema", schema, str(path))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_file_is_valid_by_the_schema_of_its_forge(path: Path) -> None:
    done = judged(path, SCHEMAS[path])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (ACTION, "using: composite", "using: compound"),
        (WORKFLOW, "security-events: write", "security-events: writes"),
        (GITLAB, "when: always", "when: ever"),
    ],
    ids=["action", "workflow", "gitlab"],
)
def test_a_schema_rejects_a_wrong_file(path: Path, right: str, wrong: str, tmp_path: Path) -> None:
    broken = tmp_path / path.name
    assert right in path.read_text()
    broken.write_text(path.read_text().replace(right, wrong))
    assert judged(broken, SCHEMAS[path]).returncode == 1


def weaknesses(*paths: Path) -> set[str]:
    """Return the names of what zizmor finds."""
    done = run("zizmor", "--offline", "--quiet", "--format", "json", *map(str, paths))
    return {finding["ident"] for finding in json.loads(done.stdout)}


def test_zizmor_finds_no_weakness_but_versions_of_githubs_actions(tmp_path: Path) -> None:
    """It also suggests another form for the address of an action in the same repository."""
    assert weaknesses(ACTION, WORKFLOW) <= {"unpinned-uses", "self-repository"}
    broken = tmp_path / "action.yml"
    broken.write_text(ACTION.read_text().replace('-- "$INVENTORY"', "-- ${{ inputs.inventory }}"))
    assert "template-injection" in weaknesses(broken)


def test_no_command_has_an_expression_of_github_in_its_text() -> None:
    steps = [*load(ACTION)["runs"]["steps"], *load(WORKFLOW)["jobs"]["verify"]["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands
    assert not [text for text in commands if "${{" in text]


def test_the_workflow_gives_the_action_its_inputs_and_reads_its_outputs() -> None:
    action, workflow = load(ACTION), WORKFLOW.read_text()
    (step,) = (one for one in load(WORKFLOW)["jobs"]["verify"]["steps"] if one.get("id") == "scanready")
    assert step["uses"] == "./.github/actions/scanready"
    required = {name for name, about in action["inputs"].items() if about.get("required")}
    assert required <= step["with"].keys() <= action["inputs"].keys()
    assert set(re.findall(r"steps\.scanready\.outputs\.([\w-]+)", workflow)) <= action["outputs"].keys()
    assert "pull_request" not in load(WORKFLOW)["on"]


@dataclass(frozen=True)
class Ran:
    """The exit code, log and files of a step."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


def act(where: Path, programs: Path, **inputs: str) -> Ran:
    """Run the step of the action as a runner does, with the shell and the files that GitHub documents."""
    action = load(ACTION)
    (step,) = action["runs"]["steps"]
    values = {name: about.get("default", "") for name, about in action["inputs"].items()} | inputs

    def value(text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)

    files = {name: where / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    script = where / "step.sh"
    script.write_text(step["run"])
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        **{name: str(file) for name, file in files.items()},
        **{name: value(text) for name, text in step["env"].items()},
    }
    assert "${{" not in "".join(environment.values())
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(shell, cwd=where, env=environment, capture_output=True, text=True, timeout=HANG, check=False)
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return Ran(done.returncode, done.stdout, outputs, files["GITHUB_STEP_SUMMARY"].read_text())


def test_the_action_passes_where_every_target_can_be_scanned(tmp_path: Path, programs: Path, web_port: int) -> None:
    (tmp_path / "estate.yaml").write_text(f"targets: [{{host: 127.0.0.1, type: http, port: {web_port}}}]\n")
    ran = act(tmp_path, programs, inventory="estate.yaml")
    assert (ran.code, ran.outputs["exit-code"]) == (0, "0"), ran.log
    assert "1 target: 1 proven" in ran.summary
    (suite,) = etree.parse(tmp_path / ran.outputs["junit"]).iter("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


def test_the_action_fails_and_names_the_line_of_a_blocked_target(tmp_path: Path, programs: Path, closed: int) -> None:
    (tmp_path / "estate.yaml").write_text(f"targets:\n  - {{host: 127.0.0.1, type: ssh, port: {closed}}}\n")
    ran = act(tmp_path, programs, inventory="estate.yaml")
    assert (ran.code, ran.outputs["exit-code"]) == (1, "1")
    assert "::error file=estate.yaml,line=2,title=connect.refused" in ran.log
    assert "connect.refused" in ran.summary
    sarif = json.loads((tmp_path / ran.outputs["sarif"]).read_text())
    jsonschema.validate(sarif, json.loads((FIXED / "sarif-schema-2.1.0.json").read_text()))
    assert sarif["runs"][0]["results"][0]["ruleId"] == "connect.refused"
    schema = etree.XMLSchema(etree.parse(FIXED / "junit-10.xsd"))
    schema.assertValid(etree.parse(tmp_path / ran.outputs["junit"]))


@pytest.mark.parametrize(("accepted", "code"), [("false", 3), ("true", 0)], ids=["strict", "accepted"])
def test_the_action_may_accept_undecided_targets(
    tmp_path: Path, programs: Path, silent: int, accepted: str, code: int
) -> None:
    # The time limit is too short to prove that the server is silent.
    target = f"{{host: 127.0.0.1, type: http, port: {silent}}}"
    (tmp_path / "estate.yaml").write_text(f"defaults: {{timeout: 1}}\ntargets: [{target}]\n")
    ran = act(tmp_path, programs, **{"inventory": "estate.yaml", "accept-undecided": accepted})
    assert (ran.code, ran.outputs["exit-code"]) == (code, "3")


def test_a_wrong_inventory_fails_without_files_of_an_earlier_run(tmp_path: Path, programs: Path, closed: int) -> None:
    inventory = tmp_path / "estate.yaml"
    inventory.write_text(f"targets: [{{host: 127.0.0.1, type: ssh, port: {closed}}}]\n")
    assert act(tmp_path, programs, inventory="estate.yaml").outputs["sarif"]
    inventory.write_text("targets: [{host: a, typ: ssh}]\n")
    ran = act(tmp_path, programs, inventory="estate.yaml", **{"accept-undecided": "true"})
    assert (ran.code, ran.outputs, ran.summary) == (2, {"exit-code": "2"}, "")


def test_an_input_is_no_command(tmp_path: Path, programs: Path) -> None:
    ran = act(tmp_path, programs, inventory=HOSTILE, folder="reports; touch hacked")
    assert ran.code == 2
    assert not list(tmp_path.glob("hacked*"))
    assert act(tmp_path, programs, inventory="--help").code == 2


def job(name: str, folder: Path, programs: Path) -> int:
    """Run the script of a job as GitLab's runner does, and return its exit code."""
    described = load(GITLAB)
    environment = {**os.environ, **described["variables"], "PATH": f"{programs}:{os.environ['PATH']}"}
    shell = ["bash", "-eo", "pipefail", "-c", "\n".join(described[name]["script"])]
    return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, timeout=HANG, check=False).returncode


def test_the_jobs_of_gitlab_run(tmp_path: Path, programs: Path, web_port: int, closed: int) -> None:
    inventory, described = tmp_path / "estate.yaml", load(GITLAB)["scanready"]
    files = [described["artifacts"]["reports"]["junit"], *described["artifacts"]["paths"]]
    inventory.write_text(f"targets: [{{host: 127.0.0.1, type: http, port: {web_port}}}]\n")
    assert job("scanready-inventory", tmp_path, programs) == 0
    assert not [name for name in files if (tmp_path / name).exists()]
    assert job("scanready", tmp_path, programs) == 0
    assert all((tmp_path / name).stat().st_size for name in files)
    inventory.write_text(f"targets: [{{host: 127.0.0.1, type: ssh, port: {closed}}}]\n")
    assert job("scanready", tmp_path, programs) == 1
    inventory.write_text("targets: [{host: a, typ: ssh}]\n")
    assert [job(name, tmp_path, programs) for name in ("scanready-inventory", "scanready")] == [2, 2]
    assert described["allow_failure"] == {"exit_codes": [3]}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_the_page_names_the_file(path: Path) -> None:
    assert path.relative_to(ROOT).parts[1] in {"github", "gitlab"}
    assert f"examples/{path.relative_to(EXAMPLES).parts[0]}" in (ROOT / "docs" / "recipes.md").read_text()
