"""Read the kernel's tables of this thread's network namespace: sockets, routes, namespaces. Linux only; else None.

Source: proc(5), proc_net(5). Addresses are printed as native-endian 32-bit words, ports in network order.
"""

from __future__ import annotations

import ipaddress
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scanready.net.interfaces import IPAddress

LISTEN = 0x0A  # include/net/tcp_states.h
_THREAD = Path("/proc/thread-self/net")
#: A table of a hundred thousand connections; what is beyond counts for nothing here.
_MOST = 16 << 20
_FEW_LINES, _LINE = 64 << 10, 100  # a kernel parameter refuses to be read with more room than it likes
_GATEWAY = 0x2  # RTF_GATEWAY, include/uapi/linux/route.h


@dataclass(frozen=True, slots=True)
class Socket:
    """One line of the table of TCP sockets."""

    address: IPAddress
    port: int
    state: int


def tcp_sockets() -> list[Socket] | None:
    """Return all TCP sockets, None where there is no such table."""
    found: list[Socket] = []
    texts = [_read(_THREAD / name) for name in ("tcp", "tcp6")]
    if texts[0] is None:
        return None
    for text in texts:
        found += sockets_of(text or "")
    return found


def sockets_of(text: str) -> Iterator[Socket]:
    """Read one table; lines that are none of it are left out."""
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            address, port = words[1].split(":")
            yield Socket(_address(address), int(port, 16), int(words[3], 16))
        except (IndexError, ValueError):
            continue


def default_gateway() -> ipaddress.IPv4Address | None:
    """Return the IPv4 gateway of the default route, None without one or where it is not known."""
    return gateway_of(_read(_THREAD / "route") or "")


def gateway_of(text: str) -> ipaddress.IPv4Address | None:
    """Read the table of routes."""
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            if words[1] == "00000000" and words[7] == "00000000" and int(words[3], 16) & _GATEWAY:
                gateway = _address(words[2])
                return gateway if isinstance(gateway, ipaddress.IPv4Address) else None
        except (IndexError, ValueError):
            continue
    return None


def local_port_range() -> tuple[int, int] | None:
    """Return the first and last source port that the kernel gives out."""
    words = (_read(Path("/proc/sys/net/ipv4/ip_local_port_range"), _LINE) or "").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and all(word.isdigit() for word in words) else None


def namespace(kind: str, process: str = "thread-self") -> int | None:
    """Return the number of a namespace ("net", "pid"), None if it may not be known."""
    try:
        return os.stat(f"/proc/{process}/ns/{kind}").st_ino
    except OSError:
        return None


def text_of(path: str) -> str:
    """Return a small file, empty if it cannot be read."""
    return _read(Path(path), _FEW_LINES) or ""


def _read(path: Path, most: int = _MOST) -> str | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        with path.open(errors="replace") as file:
            return file.read(most)
    except OSError:
        return None


def _address(text: str) -> IPAddress:
    raw = bytes.fromhex(text)
    words = struct.unpack(f">{len(raw) // 4}I", raw)
    return ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
