"""An agent with ``--allow`` contacts no address outside, wherever a target leads it; each dial is judged.

A server of ours within the networks leads the climb to one outside. Each case is climbed a second time with a wider
limit: then the server outside is contacted, so the case does lead there.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, mssql, oracle, teradata
from fixtures.emulators.certificates import authority
from scanready.causes import fleet
from scanready.model import Credential, Report, Target, Verdict
from scanready.net import resolve
from scanready.net.allowed import Network, limited_to
from scanready.net.sockets import Address
from tests.ladder import account, climb, finding_of, story, target
from tests.websites import OK, moved, site

if sys.platform != "linux":
    pytest.skip("127.0.0.2 is an address of Linux's loopback", allow_module_level=True)

WITHIN, OUTSIDE = "127.0.0.1", "127.0.0.2"
NARROW, WIDE = ipaddress.ip_network(f"{WITHIN}/32"), ipaddress.ip_network("127.0.0.0/8")
#: Names that the cases resolve.
NAMES = {
    "within.lab": (WITHIN,),
    "outside.lab": (OUTSIDE,),
    "both.lab": (WITHIN, OUTSIDE),
    "td.lab": (WITHIN,),
    "tdcop1.lab": (WITHIN,),
    "tdcop2.lab": (OUTSIDE,),
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    real = resolve._lookup

    def lookup(host: str, port: int) -> list[Address]:
        if host in NAMES:
            return [(socket.AF_INET, (address, port)) for address in NAMES[host]]
        if host.endswith(".lab"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, port)

    monkeypatch.setattr(resolve, "_lookup", lookup)


#: Starts the servers within; yields the target, which leads to the server outside.
Case = Callable[[Server], contextlib.AbstractContextManager[Target]]


@contextlib.contextmanager
def _beside(behaviour: Behaviour, type_: str, *credential: Credential, **options: Any) -> Iterator[Target]:
    with in_background(behaviour, WITHIN) as server:
        yield target(type_, WITHIN, server.port, *credential, **options)


def _same_port(behaviour: Behaviour, type_: str, host: str) -> Case:
    @contextlib.contextmanager
    def case(outside: Server) -> Iterator[Target]:
        with in_background(behaviour, WITHIN, port=outside.port):
            yield target(type_, host, outside.port)

    return case


def _web(host: str) -> Case:
    """A redirect to the same port of another host: no other one is followed."""
    return lambda outside: _same_port(site({"/": moved(f"http://{host}:{outside.port}/")}), "http", WITHIN)(outside)


def _named(type_: str) -> Case:
    return lambda outside: contextlib.nullcontext(target(type_, "outside.lab", outside.port))


def _by_proxy(type_: str, host: str | None) -> Case:
    def case(outside: Server) -> contextlib.AbstractContextManager[Target]:
        return contextlib.nullcontext(target(type_, host or "s3", proxy=f"{OUTSIDE}:{outside.port}"))

    return case


def _handshakes(outside: Server) -> contextlib.AbstractContextManager[Target]:
    return _beside(oracle.listener(oracle.redirect(OUTSIDE, outside.port)), "oracle", service="ORCL")


def _drivers(outside: Server) -> contextlib.AbstractContextManager[Target]:
    """The library is sent on; the operator has permitted that, and the agent's networks do not."""
    behaviour = in_turn(oracle.healthy, oracle.listener(oracle.redirect(OUTSIDE, outside.port)))
    return _beside(behaviour, "oracle", ACCOUNT, service="ORCL", follow_redirects=OUTSIDE)


def _routed(outside: Server) -> contextlib.AbstractContextManager[Target]:
    return _beside(mssql.Server(extra=mssql.routing(OUTSIDE, outside.port)), "mssql", SQL_ACCOUNT)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave in another way at each connection."""
    left = list(behaviours)

    async def behave(reader: Reader, writer: Writer, record: Record) -> None:
        await left.pop(0)(reader, writer, record)

    return behave


ACCOUNT, SQL_ACCOUNT = account("er"), account(mssql.USER, mssql.PASSWORD)
CASES: dict[str, tuple[Behaviour, Case]] = {
    "one address of two": (site({"/": OK}), _same_port(site({"/": OK}), "http", "both.lab")),
    "a name": (site({"/": OK}), _named("http")),
    "an HTTP redirect": (site({"/": OK}), _web(OUTSIDE)),
    "an HTTP redirect to a name": (site({"/": OK}), _web("outside.lab")),
    "a proxy": (site({"/": OK}), _by_proxy("http", "within.lab")),
    "a proxy of a cloud service": (site({"/": OK}), _by_proxy("cloud", None)),
    "the listener's redirect": (oracle.healthy, _handshakes),
    "the redirect of a library": (oracle.healthy, _drivers),
    "another node of the system": (teradata.gateway, _same_port(teradata.gateway, "teradata", "td.lab")),
    "the route of a session": (mssql.Server(), _routed),
}


def climbed(where: Target, network: Network) -> Report:
    with limited_to([network]):
        return climb(where, canary=False, ca_file=str(authority().ca_file))


@pytest.mark.parametrize("name", CASES)
def test_what_leads_outside_is_not_followed(name: str) -> None:
    behaviour, case = CASES[name]
    with in_background(behaviour, OUTSIDE) as outside, case(outside) as where:
        report = climbed(where, NARROW)
        assert outside.connections == [], story(report)
        assert report.cause is fleet.NOT_ALLOWED, story(report)
        assert report.verdict is Verdict.UNDECIDED
        assert f"{OUTSIDE} is in no network of --allow" in finding_of(report).detail
    with in_background(behaviour, OUTSIDE) as outside, case(outside) as where:
        report = climbed(where, WIDE)
        assert outside.connections, story(report)
        assert report.cause is not fleet.NOT_ALLOWED
