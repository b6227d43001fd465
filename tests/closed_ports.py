"""Ports of this host that are closed for as long as a test needs them: it binds them, so no other process can."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from scanready.net.sockets import Address


@contextlib.contextmanager
def closed_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Yield a TCP port that refuses connections: it is bound, and nothing listens there."""
    with socket.socket() as bound:
        bound.bind((host, 0))
        yield int(bound.getsockname()[1])


@contextlib.contextmanager
def closed_udp_port(host: str = "127.0.0.1") -> Iterator[Address]:
    """Yield the address of a UDP port that is unreachable: its socket is connected to itself and hears no other."""
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind((host, 0))
        bound.connect(bound.getsockname())
        yield socket.AF_INET, bound.getsockname()
