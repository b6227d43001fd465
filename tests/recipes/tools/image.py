"""Build and run examples/docker/Dockerfile without Docker: its commands run in overlays of this machine's root.

The commands of the build have no network; pip finds the wheels of script/test-tools. The program of the image runs on a
root that it cannot write to, as the user of the image, in the network of this machine or in another one.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests.recipes.programs import EXAMPLES, ROOT
from tests.recipes.tools.installed import PROGRAMS
from tests.recipes.tools.installed import run as run_installed

DOCKERFILE = EXAMPLES / "docker" / "Dockerfile"
_READ = (
    "import json, sys; from dockerfile_parse import DockerfileParser; "
    "print(json.dumps([[one['instruction'], one['value']] for one in DockerfileParser(sys.argv[1]).structure]))"
)


def instructions(file: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """Return the instructions as dockerfile-parse reads them, without comments."""
    done = run_installed("python", "-c", _READ, str(file))
    assert done.returncode == 0, done.stderr
    return [(name, value) for name, value in json.loads(done.stdout) if name != "COMMENT"]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, without FROM."""
    found: list[list[tuple[str, str]]] = []
    for name, value in instructions():
        if name == "FROM":
            found.append([])
        elif found:
            found[-1].append((name, value))
    return found


def base_python() -> Path:
    """Return the Python that the environment of this test was made with."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]


@dataclass
class Image:
    """An image that is built; its mounts are in a namespace of their own and end with ``holder``."""

    holder: subprocess.Popen[str]
    place: Path

    def root(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine that sees the mounts."""
        return subprocess.run(
            ["nsenter", "--mount", f"--target={self.holder.pid}", "--", *command],
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )

    def must(self, *command: str) -> None:
        done = self.root(*command)
        assert done.returncode == 0, (command, done.stdout + done.stderr)

    def mount(self, name: str) -> None:
        """Mount a stage: this machine's root below, and a layer of its own; ``python`` is the Python of this test."""
        base = base_python()
        layer, work, merged = (self.place / f"{name}-{part}" for part in ("layer", "work", "root"))
        self.must("mkdir", "-p", str(layer), str(work), str(merged))
        self.must("mount", "-t", "overlay", "o", "-o", f"lowerdir=/,upperdir={layer},workdir={work}", str(merged))
        # A virtual environment looks for its library beside the program that it was made with.
        self.must("ln", "-sfn", base.name, f"{merged}{base.parent}/python")
        for folder in list(base.parents)[:-1]:
            self.must("chmod", "a+rx", f"{merged}{folder}")
        self.bind(merged)

    def bind(self, merged: Path) -> None:
        for name in ("proc", "dev"):
            self.must("mount", "--rbind", f"/{name}", str(merged / name))

    def build(self) -> list[str]:
        """Run all instructions of the build, and return the commands that were left out: those of apt-get."""
        left_out = []
        for name, stage in zip(("build", "final"), stages(), strict=True):
            self.mount(name)
            folder, merged = "/", self.place / f"{name}-root"
            for instruction, value in stage:
                if instruction == "WORKDIR":
                    folder = value
                    self.must("mkdir", "-p", f"{merged}{folder}")
                elif instruction == "COPY":
                    self.copy(value, f"{merged}{folder}", merged)
                elif instruction == "RUN" and value.startswith("apt-get"):
                    left_out.append(value)
                elif instruction == "RUN":
                    self.build_step(merged, folder, value)
        return left_out

    def copy(self, value: str, folder: str, merged: Path) -> None:
        *sources, target = (word for word in value.split() if not word.startswith("--"))
        if "--from=build" in value.split():
            self.must("cp", "-a", f"{self.place}/build-root{sources[0]}", f"{merged}{target}")
        else:
            self.must("cp", "-r", *(str(ROOT / source) for source in sources), f"{folder}/{target}")

    def build_step(self, merged: Path, folder: str, command: str) -> None:
        wheels = PROGRAMS.parent / "wheels"
        environment = {
            "PATH": f"{base_python().parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_CONFIG_FILE": "/dev/null",
            "HOME": "/root",
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        step = f"cd {shlex.quote(folder)} && {command}"
        self.must("unshare", "--net", "chroot", str(merged), "env", "-i", *words, "sh", "-c", step)

    def run(self, *arguments: str, network: str = "") -> subprocess.CompletedProcess[str]:
        """Run the entry point as ``docker run --read-only --tmpfs /tmp -v data:/var/lib/scanready`` does.

        Args:
            network: a command that prepares a network of its own; "" is that of this machine.
        """
        final = dict(stages()[1])
        number, _, group = final["USER"].partition(":")
        command = shlex.join(
            [
                "env",
                "-i",
                "HOME=/var/lib/scanready",
                *final["ENV"].split(),
                *json.loads(final["ENTRYPOINT"]),
                *arguments,
            ]
        )
        here = shlex.quote(f"cd {final['WORKDIR']} && exec {command}")
        script = f"""
set -e
mkdir -p {self.place}/run {self.place}/data
chown {number}:{group} {self.place}/data
mount -t overlay o -o lowerdir={self.place}/final-layer:/ {self.place}/run
mount --rbind /proc {self.place}/run/proc
mount --rbind /dev {self.place}/run/dev
mount -t tmpfs tmpfs {self.place}/run/tmp
mount --bind {self.place}/data {self.place}/run/var/lib/scanready
{network}
exec chroot {self.place}/run setpriv --reuid={number} --regid={group} --clear-groups --no-new-privs --inh-caps=-all \\
    --bounding-set=-all sh -c {here}
"""
        return self.root("unshare", "--mount", *(["--net"] if network else []), "sh", "-c", script)


def start(place: Path) -> Image:
    """Make the namespace of the mounts, and a file system in memory at ``place``; skip the test without root."""
    if os.geteuid() != 0:
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail("overlays need root")
        pytest.skip("overlays need root")
    command = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && echo ready && exec sleep infinity']
    holder = subprocess.Popen([*command, str(place)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return Image(holder, place)
