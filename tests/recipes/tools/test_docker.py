"""The Dockerfile: its commands run, and its program runs as its user, cannot change the image, and warns of a bridge.

No Docker is here: the image was not built by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recipes.programs import ROOT
from tests.recipes.tools.image import DOCKERFILE, Image, instructions, stages, start
from tests.recipes.tools.installed import run

PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
#: A network as on Docker's bridge: an address of it, and a route.
BRIDGE = """ip link set lo up
ip link add eth0 type veth peer name docker0
ip link set docker0 up
ip address add 172.17.0.2/16 dev eth0
ip link set eth0 up
ip route add default via 172.17.0.1"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    image = start(tmp_path_factory.mktemp("image"))
    try:
        left_out = image.build()
        assert [command.split()[:2] for command in left_out] == [["apt-get", "update"]]
        yield image
    finally:
        image.holder.kill()
        image.holder.wait()
        assert image.holder.stdout is not None
        image.holder.stdout.close()


def test_the_image_has_two_stages_and_no_root() -> None:
    build, final = stages()
    assert [name for name, _ in instructions()].count("FROM") == 2
    assert {name for name, _ in final} <= {"RUN", "COPY", "ENV", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", dict(final)["USER"])
    after = [name for name, _ in final][[name for name, _ in final].index("USER") :]
    assert not {"RUN", "COPY"} & set(after)
    assert [value for name, value in final if name == "COPY"] == ["--from=build /opt/scanready /opt/scanready"]
    copied = [word for name, value in build if name == "COPY" for word in value.split()[:-1]]
    assert all((ROOT / word).exists() for word in copied)


def test_hadolint_finds_no_fault_and_finds_one_that_is_there(tmp_path: Path) -> None:
    done = run("hadolint", "--no-color", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    broken = tmp_path / "Dockerfile"
    broken.write_text(DOCKERFILE.read_text().replace("WORKDIR /src", "WORKDIR src"))
    assert "DL3000" in run("hadolint", "--no-color", str(broken)).stdout


def test_pip_checks_the_hash_of_each_package_from_outside() -> None:
    commands = [part for name, value in instructions() if name == "RUN" for part in value.split("&&")]
    installs = [command for command in commands if "pip install" in command]
    assert len(installs) == 2
    assert all("--no-deps" in command for command in installs)
    assert [command for command in installs if "--require-hashes" not in command] == installs[1:]
    assert installs[1].split()[-1] == "."


def test_the_program_checks_targets_as_its_user(image: Image, web_port: int, closed: int) -> None:
    targets = f"http://127.0.0.1:{web_port}", f"ssh://127.0.0.1:{closed}"
    done = image.run("check", *targets, "--timeout", "60", "--json")
    assert done.returncode == 1, done.stderr
    verdicts = {one["target"]["type"]: one["verdict"] for one in json.loads(done.stdout)["results"]}
    assert verdicts == {"http": "scannable", "ssh": "blocked"}
    assert image.root("stat", "-c", "%u %a", f"{image.place}/data/runs.db").stdout == "10001 600\n"
    assert image.run("runs").returncode == 0


def test_the_program_passes_its_self_test_and_cannot_change_the_image(image: Image) -> None:
    done = image.run("selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert image.run("check", "ssh://127.0.0.1:1", "-o", "/opt/scanready/x").returncode == 2
    assert image.run("--version").stdout.startswith("scanready")


def test_the_program_warns_of_a_bridge(image: Image) -> None:
    """With the network of the host, the agent has the addresses of the host; on a bridge, one that is translated."""
    host, bridge = (
        " ".join(image.run("agent", network=network).stdout.replace("\n", " ").split()) for network in ("", BRIDGE)
    )
    assert "its address is in Docker's default bridge (172.17.0.0/16" in bridge
    assert "subnets eth0 172.17.0.2/16" in bridge
    assert "agent.container" in bridge
    assert "default bridge" not in host
    assert "172.17.0.2" not in host


def test_the_page_has_the_warning_and_the_commands() -> None:
    text = DOCKERFILE.read_text()
    assert "--network host" in text
    assert "docker build -f examples/docker/Dockerfile -t scanready ." in PAGE
    assert re.search(r"docker run --rm --network host --read-only --tmpfs /tmp --cap-drop ALL", PAGE)

    final = dict(stages()[1])
    assert f"-v scanready:{final['WORKDIR']}" in PAGE
    assert f"user {final['USER'].partition(':')[0]}" in PAGE
