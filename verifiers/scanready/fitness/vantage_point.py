"""Look for signs that this is not the agent's own system: a container, a namespace, or address translation.

The kernel identifies a container: its PID namespace is not the initial one, its network namespace differs from that of
process 1, or its control group belongs to a container manager. A file proves little: a virtual machine built from a
container image also has /.dockerenv. /run is emptied at every boot, so its files are current.

Sources: namespaces(7), cgroups(7); include/linux/proc_ns.h and include/uapi/linux/nsfs.h for the numbers of the first
namespaces; the documentation of Docker, Podman, libvirt, VirtualBox and WSL for their default networks.
"""

from __future__ import annotations

import ipaddress
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scanready.causes import agent as causes
from scanready.model import Facts
from scanready.net.interfaces import IPAddress

from . import proc
from .question import Answer, Line
from .request import Asked

#: The numbers of the kernel's first namespaces. That of PIDs is fixed since Linux 3.8, that of networks since 6.18.
FIRST_PID_NAMESPACE, FIRST_NETWORK = 0xEFFFFFFC, 0xEFFFFFF9
_NETWORK_FIXED_SINCE = 6, 18
#: The environment variable and control groups by which container managers mark their processes.
_VARIABLE = "container"
_MANAGERS = re.compile(r"docker|kubepods|containerd|libpod|crio|lxc|garden|machine\.slice/systemd-nspawn")
#: Networks whose gateway translates, by default: subnet, the gateway's address in it, whose it is.
_TRANSLATING: tuple[tuple[str, str, str], ...] = (
    ("172.17.0.0/16", "172.17.0.1", "Docker's default bridge"),
    ("10.88.0.0/16", "10.88.0.1", "Podman's default bridge"),
    ("10.0.2.0/24", "10.0.2.2", "the user network of VirtualBox or QEMU"),
    ("192.168.122.0/24", "192.168.122.1", "libvirt's default network"),
    ("192.168.65.0/24", "192.168.65.1", "Docker Desktop's machine"),
)


@dataclass(frozen=True, slots=True)
class Signs:
    """Hold the signs found. ``leftover`` are files that may come from an image; the others describe the running host.

    ``translated`` names the virtual network of the agent's address; empty if none is known.
    """

    container: tuple[str, ...] = ()
    leftover: tuple[str, ...] = ()
    translated: str = ""


async def look(asked: Asked) -> list[Answer]:
    """Warn if this is not the agent's own system; list the evidence in any case."""
    answers: list[Answer] = []
    with Line("vantage point", answers) as line:
        if not sys.platform.startswith("linux"):
            line.skip("scanready cannot detect a container or address translation on this platform")
            return answers
        signs = gather(asked.agent.addresses)
        facts: Facts = {"container": list(signs.container), "leftover": list(signs.leftover)}
        facts["translated"] = signs.translated
        if signs.container:
            also = f"; its address is in {signs.translated}" if signs.translated else ""
            line.warn(
                causes.CONTAINER,
                f"runs in a container or a namespace, not on the host itself: {', '.join(signs.container)}{also}",
                **facts,
            )
        elif signs.translated:
            line.warn(causes.ADDRESS_TRANSLATED, f"this host's address is in {signs.translated}", **facts)
        elif signs.leftover:
            files = ", ".join(signs.leftover)
            line.ok(
                f"runs on the host itself, not in a container ({files} exists, but this is the initial PID namespace)",
                **facts,
            )
        else:
            line.ok("runs on the host itself: no sign of a container or of address translation", **facts)
    return answers


def gather(addresses: tuple[str, ...]) -> Signs:
    """Look for signs; ``addresses`` are this host's own towards the outside."""
    container: list[str] = []
    number, release = proc.namespace("pid"), platform.release()
    if number not in (None, FIRST_PID_NAMESPACE):
        container.append("a PID namespace of its own")
    if number == FIRST_PID_NAMESPACE and own_network(proc.namespace("net"), proc.namespace("net", "1"), release):
        container.append("a network namespace of its own")
    if Path("/run/.containerenv").exists():
        container.append("/run/.containerenv")
    if manager := os.environ.get(_VARIABLE):
        container.append(f"{_VARIABLE}={manager[:40]} in the environment")
    groups = proc.text_of("/proc/self/cgroup") + proc.text_of("/proc/1/cgroup")
    if managed := _MANAGERS.search(groups):
        container.append(f"a control group of {managed[0]}")
    leftover = ["/.dockerenv"] if Path("/.dockerenv").exists() else []
    if container:
        container, leftover = container + leftover, []
    gateway = proc.default_gateway()
    return Signs(tuple(container), tuple(leftover), translated_by(addresses, gateway, release))


def own_network(ours: int | None, of_process_1: int | None, release: str) -> bool:
    """True if this is not the host's network; by the number where it is fixed, else compared with process 1.

    ``of_process_1`` is None without the right to inspect that process; on an older kernel the answer is then False.
    """
    if ours in (None, FIRST_NETWORK):
        return False
    found = re.match(r"(\d+)\.(\d+)", release)
    if found and (int(found[1]), int(found[2])) >= _NETWORK_FIXED_SINCE:
        return True
    return of_process_1 is not None and ours != of_process_1


def translated_by(addresses: tuple[str, ...], gateway: IPAddress | None, release: str) -> str:
    """Return the virtual network that translates this host's address; empty if it is none of the known ones."""
    own = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    for network, at, whose in _TRANSLATING:
        subnet = ipaddress.ip_network(network)
        if str(gateway) == at and any(address in subnet for address in own):
            return f"{whose} ({network} behind {at})"
    if "microsoft" in release.lower() and gateway in ipaddress.ip_network("172.16.0.0/12"):
        return f"WSL 2 (behind {gateway})"
    return ""
