"""Where a peer's word may lead: kinds of addresses, in every form, and ports that other services are known by."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest

from scanready.climb.other_services import SERVICES
from scanready.climb.peers_word import forbids_host, special
from scanready.net.sockets import Address


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "this agent itself (loopback)"),
        ("127.255.255.254", "this agent itself (loopback)"),
        ("0.0.0.0", "this agent itself (loopback)"),
        ("0.1.2.3", "this agent itself (loopback)"),
        ("::1", "this agent itself (loopback)"),
        ("::", "this agent itself (loopback)"),
        ("::ffff:127.0.0.1", "this agent itself (loopback)"),
        ("::127.0.0.1", "this agent itself (loopback)"),
        ("64:ff9b::7f00:1", "this agent itself (loopback)"),
        ("64:ff9b:1::7f00:1", "this agent itself (loopback)"),
        ("2002:7f00:1::", "this agent itself (loopback)"),
        ("169.254.169.254", "a link-local address"),
        ("64:ff9b::a9fe:a9fe", "a link-local address"),
        ("::ffff:169.254.170.2", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("fd00:ec2::254", "a cloud's metadata service"),
        ("168.63.129.16", "a cloud's metadata service"),
        ("64:ff9b::6464:64c8", "a cloud's metadata service"),
        ("100.100.100.200", "a cloud's metadata service"),
        ("224.0.0.1", "a multicast or broadcast address"),
        ("ff02::1", "a multicast or broadcast address"),
        ("255.255.255.255", "a multicast or broadcast address"),
        ("10.0.0.1", ""),
        ("192.168.1.1", ""),
        ("fd00::1", ""),
        ("2001:db8::1", ""),
        ("64:ff9b::a00:1", ""),
        ("::ffff:10.0.0.1", ""),
        ("100.64.0.1", ""),
    ],
)
def test_the_kind_of_an_address(address: str, kind: str) -> None:
    assert special(address) == kind


class Asked:
    """As much of a probe as decides: a target at ``host``, and a resolver that knows some names."""

    address = None

    class target:  # noqa: N801  # as the attribute is called
        port = 80

    def __init__(self, host: str, **names: str) -> None:
        self.host, self._names = host, names

    async def addresses(self, host: str, port: int) -> list[str]:
        where: list[Address] = [
            (family, address)
            for family, _, _, _, address in socket.getaddrinfo(
                self._names.get(host.replace(".", "_"), host),
                port,
                type=socket.SOCK_STREAM,
                flags=socket.AI_NUMERICHOST,
            )
        ]
        return [str(address[0]) for _, address in where]


def asked(host: str, there: str, *, by_proxy: bool = False, **names: str) -> str:
    return asyncio.run(forbids_host(Asked(host, **names), there, 80, by_proxy=by_proxy))  # type: ignore[arg-type]


FORMS = ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]


@pytest.mark.parametrize("by_proxy", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_loopback_is_refused(form: str, by_proxy: bool) -> None:
    assert "loopback" in asked("10.0.0.1", form, by_proxy=by_proxy)


def test_a_name_is_what_it_resolves_to() -> None:
    assert asked("10.0.0.1", "inner.corp", inner_corp="169.254.169.254") == (
        "inner.corp is 169.254.169.254, a link-local address"
    )
    assert asked("10.0.0.1", "inner.corp", inner_corp="10.0.0.2") == ""


@pytest.mark.parametrize("name", ["localhost", "x.localhost", "metadata.google.internal", "metadata"])
def test_a_name_that_a_proxy_would_resolve(name: str) -> None:
    assert asked("10.0.0.1", name, by_proxy=True)
    assert not asked("10.0.0.1", "intranet.corp", by_proxy=True)


def test_a_target_of_that_kind_may_lead_to_its_kind() -> None:
    assert asked("127.0.0.2", "127.0.0.1") == ""
    assert "link-local" in asked("127.0.0.2", "169.254.169.254")


def test_well_known_services_are_no_target_types() -> None:
    assert len(SERVICES) > 90
    assert not [name for name in SERVICES.values() if re.fullmatch(r"[a-z][a-z0-9]*", name)], (
        "that is the name of a type"
    )
