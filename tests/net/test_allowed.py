"""A process that is limited to some networks dials no other address, over TCP or UDP, in any form of the address."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from scanready.causes import fleet
from scanready.climb.explain import explain
from scanready.model import Step
from scanready.net import datagram
from scanready.net.allowed import NotAllowed, demand_allowed, limited_to
from scanready.net.dial import accepting, dial

NETWORKS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def address(host: str) -> tuple[int, tuple[Any, ...]]:
    return (socket.AF_INET6, (host, 9, 0, 0)) if ":" in host else (socket.AF_INET, (host, 9))


@pytest.mark.parametrize("host", ["10.1.2.3", "fd00::1", "fd00::1%lo", "::ffff:10.1.2.3"])
def test_an_address_within_is_allowed(host: str) -> None:
    with limited_to(NETWORKS):
        demand_allowed(address(host))


@pytest.mark.parametrize("host", ["11.1.2.3", "127.0.0.1", "fe80::1%lo", "::1", "::ffff:11.1.2.3"])
def test_an_address_outside_is_not_allowed(host: str) -> None:
    with limited_to(NETWORKS), pytest.raises(NotAllowed) as raised:
        demand_allowed(address(host))
    found = explain(raised.value, Step.CONNECT, "")
    assert found.cause is fleet.NOT_ALLOWED
    assert found.detail == f"{host} is in no network of --allow; nothing was sent there"


def test_without_a_limit_each_address_is_allowed() -> None:
    demand_allowed(address("127.0.0.1"))


def test_nothing_is_dialled_outside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, limited_to(NETWORKS):
        server.setblocking(False)
        where = (socket.AF_INET, server.getsockname())

        async def tries() -> None:
            soon = asyncio.get_running_loop().time() + 1
            with pytest.raises(NotAllowed):
                await dial(where, soon)
            with pytest.raises(NotAllowed):
                await datagram.ask(where, b"?", lambda data: data, soon)
            assert await accepting(where, soon) is None

        asyncio.run(tries())
        with pytest.raises(BlockingIOError):
            server.accept()
