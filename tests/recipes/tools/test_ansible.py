"""The role and the module for Ansible, run by ansible-core against this host, in an overlay of its root."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import offline_bundle
import pins
import pytest

from fixtures.limits import HANG
from tests.recipes.programs import EXAMPLES, ROOT
from tests.recipes.tools.image import Image, base_python, start
from tests.recipes.tools.installed import PROGRAMS, program, run

FOLDER = EXAMPLES / "ansible"
MODULE = FOLDER / "library" / "scanready_check.py"
#: No configuration of this host.
SURROUNDINGS = {
    "ANSIBLE_CONFIG": str(Path(__file__).parent / "ansible.cfg"),
    "ANSIBLE_LIBRARY": str(MODULE.parent),
    "LC_ALL": "C.UTF-8",
    "PYTHONWARNINGS": "ignore",
}
SECRET = "hunter2-is-a-secret"


# --- the module --------------------------------------------------------------------------------------------------


@dataclass
class Task:
    """The result of one task, and everything that Ansible printed."""

    result: dict[str, Any]
    printed: str


def task(folder: Path, programs: Path, *, check: bool = False, **given: Any) -> Task:
    """Run the module in a play of one task, as a user does, with all that -vvv prints."""
    words = {"program": str(programs / "scanready"), **given}
    saved = {"content": "{{ done | to_json }}", "dest": str(folder / "done.json"), "mode": "0600"}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {"scanready_check": words, "register": "done", "ignore_errors": True},
            {"ansible.builtin.copy": saved, "check_mode": False},
        ],
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    surroundings = {**SURROUNDINGS, "ANSIBLE_HOME": str(folder / "ansible")}
    options = ["-vvv", "-e", f"ansible_python_interpreter={sys.executable}", *(["--check"] if check else [])]
    done = run("ansible-playbook", "-i", "localhost,", *options, str(folder / "play.yml"), env=surroundings)
    assert done.returncode == 0, done.stdout + done.stderr
    return Task(json.loads((folder / "done.json").read_text()), done.stdout + done.stderr)


def test_ansible_reads_the_documentation_and_the_options_are_those_of_the_module() -> None:
    done = run("ansible-doc", "-j", "-t", "module", "scanready_check", env=SURROUNDINGS)
    described = json.loads(done.stdout)["scanready_check"]
    assert described["doc"]["short_description"]
    assert {"verdict", "cause", "owner", "remedy"} <= described["return"].keys()
    told = "import scanready_check as m, json; print(json.dumps(m.OPTIONS))"
    done = run("python", "-c", told, env={"PYTHONPATH": str(MODULE.parent)})
    for name, option in json.loads(done.stdout).items():
        words = described["doc"]["options"][name]
        assert {key: words.get(key) for key in option if key != "no_log"} == {
            key: value for key, value in option.items() if key != "no_log"
        }, name
    assert len(described["doc"]["options"]) == len(json.loads(done.stdout))


def test_a_target_that_can_be_scanned_changes_nothing(tmp_path: Path, programs: Path, web_port: int) -> None:
    done = task(tmp_path, programs, target=f"http://127.0.0.1:{web_port}", timeout=60)
    assert (done.result["verdict"], done.result["changed"], done.result["failed"]) == ("scannable", False, False)
    assert (done.result["cause"], done.result["owner"]) == (None, None)
    assert done.result["result"]["target"]["port"] == web_port


def test_a_blocked_target_fails_with_its_owner_and_remedy(tmp_path: Path, programs: Path, closed: int) -> None:
    done = task(tmp_path, programs, target=f"ssh://127.0.0.1:{closed}")
    found = done.result
    assert (found["failed"], found["changed"], found["verdict"]) == (True, False, "blocked")
    assert (found["cause"], found["step"]) == ("connect.refused", "connect")
    assert found["owner"] in {"server", "operator"}
    assert found["remedy"]
    assert f"ssh://127.0.0.1:{closed} is blocked: connect.refused" in found["msg"]
    tolerated = task(tmp_path, programs, target=f"ssh://127.0.0.1:{closed}", fail_on=[])
    assert (tolerated.result["failed"], tolerated.result["verdict"]) == (False, "blocked")


def test_check_mode_contacts_nothing(tmp_path: Path, programs: Path, silent: int) -> None:
    """A silent server would make the check slow and undecided; the plan counts what a check would do."""
    done = task(tmp_path, programs, check=True, target=f"http://127.0.0.1:{silent}")
    assert done.result["skipped"] is True
    assert done.result["plan"]["endpoints"][0]["port"] == silent
    assert "verdict" not in done.result


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "ssh://127.0.0.1", "user": "svc", "password_from": SECRET}, "password_from is no reference"),
        ({"target": f"ssh://svc:{SECRET}@127.0.0.1"}, "the target has a password"),
        ({"target": "ssh://127.0.0.1", "user": "svc", "password_from": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE"),
        ({"target": "nothing://127.0.0.1"}, "nothing"),
        ({"target": "ssh://127.0.0.1", "credential": "x"}, "inventory"),
        ({"target": "ssh://127.0.0.1", "program": "/nowhere/scanready"}, "there is no program /nowhere/scanready"),
    ],
    ids=["a password", "a password in the target", "a missing secret", "a type", "no inventory", "no program"],
)
def test_a_wrong_task_fails_and_checks_nothing(
    tmp_path: Path, programs: Path, given: dict[str, Any], words: str
) -> None:
    done = task(tmp_path, programs, **given)
    assert done.result["failed"] is True
    assert words in done.result["msg"]
    assert "verdict" not in done.result


def test_a_password_is_never_printed(tmp_path: Path, programs: Path, closed: int) -> None:
    """Neither that of a reference, nor one that a user wrote in place of a reference."""
    (tmp_path / "secret.txt").write_text(SECRET)
    target = f"ssh://127.0.0.1:{closed}"
    done = task(tmp_path, programs, target=target, user="svc", password_from=f"file:{tmp_path}/secret.txt")
    assert done.result["verdict"] == "blocked"
    assert SECRET not in done.printed + json.dumps(done.result)
    wrong = task(tmp_path, programs, target=target, user="svc", password_from=SECRET)
    assert wrong.result["failed"] is True
    assert SECRET not in wrong.printed + json.dumps(wrong.result)


# --- the role ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of script/bundle-offline for this host, with the wheels that script/test-tools keeps."""
    place = tmp_path_factory.mktemp("bundle")
    program("ansible-playbook")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=HANG)
    wheels = [*place.glob("*.whl"), *(PROGRAMS.parent / "wheels").glob("*.whl")]
    here = pins.Environment(sys.platform, platform.machine(), f"{sys.version_info[0]}.{sys.version_info[1]}")
    offline_bundle.write_zip(place / "bundle.zip", "bundle", wheels, here)
    return place / "bundle.zip"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Image]:
    """This host in an overlay, which forgets all that the role does to it."""
    place = tmp_path / "overlay"
    place.mkdir()
    image = start(place)
    try:
        image.mount("host")
        yield image
    finally:
        image.holder.kill()
        image.holder.wait()
        assert image.holder.stdout is not None
        image.holder.stdout.close()


def control_node(host: Image) -> Path:
    """Make the folder of the control node, with the host as the one Proxy Agent."""
    work = host.place.parent / "control"
    (work / "reports").mkdir(parents=True)
    (work / "hosts").write_text("[proxy_agents]\nlocalhost ansible_connection=local ansible_become=false\n")
    return work


def play(host: Image, work: Path, bundle: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the example's playbook in the overlay; files of the control node are outside of it, at the same paths."""
    merged = host.place / "host-root"
    host.root("mount", "--bind", str(work), f"{merged}{work}")
    variables = {
        "scanready_bundle": str(bundle),
        "scanready_inventory": f"{work}/estate.yaml",
        "scanready_reports": f"{work}/reports",
        "ansible_python_interpreter": sys.executable,
    }
    command = [program("ansible-playbook"), "-i", f"{work}/hosts", "-e", json.dumps(variables), *options]
    environment = [f"{name}={value}" for name, value in SURROUNDINGS.items()]
    path = f"PATH={base_python().parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    inside = ["env", "-i", path, f"ANSIBLE_HOME={work}/ansible", f"HOME={work}", *environment, *command]
    return host.root("chroot", str(merged), *inside, str(FOLDER / "playbook.yml"))


def test_the_role_installs_checks_and_fetches(host: Image, bundle: Path, web_port: int, closed: int) -> None:
    work = control_node(host)
    inventory = work / "estate.yaml"
    inventory.write_text(f"targets:\n  - {{host: 127.0.0.1, type: http, port: {web_port}}}\n")

    done = play(host, work, bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads((work / "reports" / "localhost.json").read_text())["results"]
    assert result["verdict"] == "scannable"
    assert "<html" in (work / "reports" / "localhost.html").read_text()
    root = host.place / "host-root"
    shown = host.root("stat", "-c", "%U %a", f"{root}/var/lib/scanready", f"{root}/etc/scanready/estate.yaml")
    assert [line.split()[1] for line in shown.stdout.splitlines()] == ["700", "640"]
    assert host.root("ls", "-d", f"{root}/tmp/scanready-*").returncode != 0

    again = play(host, work, bundle)
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout, again.stdout

    inventory.write_text("targets: [{host: a, typ: ssh}]\n")
    wrong = play(host, work, bundle)
    assert wrong.returncode != 0
    assert "unknown key `typ`" in wrong.stdout

    inventory.write_text(f"targets:\n  - {{host: 127.0.0.1, type: ssh, port: {closed}}}\n")
    blocked = play(host, work, bundle)
    assert blocked.returncode != 0
    assert "Fail if a target cannot be scanned" in blocked.stdout
    assert json.loads((work / "reports" / "localhost.json").read_text())["results"][0]["verdict"] == "blocked"


def test_check_mode_of_the_role_changes_nothing(host: Image, bundle: Path, closed: int) -> None:
    work = control_node(host)
    (work / "estate.yaml").write_text(f"targets: [{{host: 127.0.0.1, type: ssh, port: {closed}}}]\n")
    done = play(host, work, bundle, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    root = host.place / "host-root"
    for path in ("/opt/scanready", "/etc/scanready", "/var/lib/scanready"):
        assert host.root("test", "-e", f"{root}{path}").returncode == 1, path
    assert list((work / "reports").iterdir()) == []


@pytest.mark.parametrize("name", ["playbook.yml", "check.yml"])
def test_ansible_accepts_the_playbooks(name: str, tmp_path: Path) -> None:
    surroundings = {**SURROUNDINGS, "ANSIBLE_HOME": str(tmp_path)}
    checked = run("ansible-playbook", "--syntax-check", "-i", "localhost,", str(FOLDER / name), env=surroundings)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert name in (ROOT / "docs" / "recipes.md").read_text()
