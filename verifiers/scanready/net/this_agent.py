"""Describe this agent: its name, platform, distribution, addresses and subnets. Nothing is sent."""

from __future__ import annotations

import contextlib
import platform
import socket

from scanready.model import Agent

from . import interfaces
from .sockets import source_address

#: Every result describes the agent. On a host with hundreds of bridges, this many networks identify it.
_MOST_NETWORKS = 32
# How a distribution calls itself, where that is longer than what people (and SSH greetings) call it.
_NAMES = {"debian": "Debian", "raspbian": "Raspbian", "rhel": "RHEL", "ubuntu": "Ubuntu", "sles": "SLES"}


def this_agent(name: str | None = None, platform_name: str | None = None) -> Agent:
    """Describe this host as an agent, or, with a ``platform_name``, one that is assumed in its place."""
    outward = [
        source_address((socket.AF_INET, ("192.0.2.1", 9))),
        source_address((socket.AF_INET6, ("2001:db8::1", 9))),
    ]
    addresses = tuple(address for address in outward if address) or ("127.0.0.1",)
    if platform_name:
        return Agent(name or socket.gethostname(), platform_name, addresses, assumed=True)
    networks = tuple(str(entry.where) for entry in interfaces.placed() or () if not _apart(entry.where))
    return Agent(
        name or socket.gethostname(),
        platform.system(),
        addresses,
        distribution=distribution(),
        networks=networks[:_MOST_NETWORKS],
    )


def distribution() -> str:
    """Return, say, ``Debian 12``; empty where the system has no os-release(5)."""
    with contextlib.suppress(OSError, ValueError):
        told = platform.freedesktop_os_release()
        name = _NAMES.get(told["ID"].lower(), told["NAME"])
        return f"{name} {told.get('VERSION_ID', '')}".strip()[:80]
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}".strip()
    return f"Windows {platform.release()}" if platform.system() == "Windows" else ""


def _apart(where: interfaces.Interface) -> bool:
    """Return whether an address is loopback or link-local, which every host has and which locates none."""
    return where.ip.is_loopback or where.ip.is_link_local
