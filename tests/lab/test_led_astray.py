"""Redirects to where no target may lead this agent, in every form; a thief listens there and gets no byte."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from fixtures.emulators import Behaviour, Server, in_background, oracle
from fixtures.lab.lab import Lab
from fixtures.lab.net import Host
from scanready.model import Owner, Step, Verdict
from tests.ladder import climb, expect, finding_of, story, target
from tests.websites import OK, answer, moved, site

T = TypeVar("T")

#: This agent itself, its link, and clouds' metadata; the names are made in the lab's DNS.
FORMS = [
    "127.0.0.1",
    "127.8.8.8",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "169.254.169.254",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "inner.lab",
    "metadata.lab",
]


@contextlib.contextmanager
def playing(host: Host, behaviour: Behaviour, address: str, port: int) -> Iterator[Server]:
    """An emulator on that host: its sockets and threads are the host's."""
    with contextlib.ExitStack() as held:
        yield held.enter_context(_at(host, lambda: in_background(behaviour, address, port=port)))


@contextlib.contextmanager
def _at(host: Host, making: Callable[[], contextlib.AbstractContextManager[T]]) -> Iterator[T]:
    context = host.run(making)
    entered = host.run(context.__enter__)
    try:
        yield entered
    finally:
        context.__exit__(None, None, None)


@pytest.fixture
def web(lab: Lab) -> Host:
    lab.topology.name({"inner.lab": ["127.0.0.1"], "metadata.lab": ["169.254.169.254"]})
    return lab.host("astray")


@pytest.fixture
def thieves(lab: Lab) -> Iterator[list[Server]]:
    """Servers on the agent itself, for all its own addresses."""
    with playing(lab.agent, site({"/": OK}), "127.0.0.1", 80) as one, playing(lab.agent, site({}), "::1", 80) as two:
        yield [one, two]


@pytest.mark.parametrize("form", FORMS)
def test_a_redirect_to_the_agent_itself_or_to_metadata(lab: Lab, web: Host, thieves: list[Server], form: str) -> None:
    with playing(web, site({"/": moved(f"http://{form}/latest/meta-data?a=1")}), "0.0.0.0", 80):
        report = climb(target("http", web.address), lab.agent)
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "nothing was sent there" in finding_of(report).detail, story(report)
    assert report.footprint.connections == 1
    assert [thief.connections for thief in thieves] == [[], []]


def test_another_host_gets_head_alone(lab: Lab, web: Host) -> None:
    other = lab.host("elsewhere")
    with playing(other, site({"/reboot": answer("405 Method Not Allowed")}), "0.0.0.0", 80) as there:
        leads = moved(f"http://{other.address}/reboot?now=1")
        with playing(web, site({"/": leads}), "0.0.0.0", 80):
            report = climb(target("http", web.address), lab.agent)
        assert there.counts == {"HEAD /reboot": 1}
    expect(report, Verdict.LIMITED, "http.redirects-elsewhere", step=Step.AUTH)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080, 9200])
def test_another_port_of_another_host_gets_nothing(lab: Lab, web: Host, port: int) -> None:
    other = lab.host("elsewhere")
    with (
        playing(other, site({"/": OK}), "0.0.0.0", port) as thief,
        playing(web, site({"/": moved(f"http://{other.address}:{port}/")}), "0.0.0.0", 80),
    ):
        report = climb(target("http", web.address), lab.agent)
        assert thief.connections == []
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert f":{port}/" in finding_of(report).detail


def test_a_listener_does_not_lead_to_the_agent_itself(lab: Lab, web: Host) -> None:
    with (
        playing(lab.agent, oracle.healthy, "127.0.0.1", 1521) as thief,
        playing(web, oracle.listener(oracle.redirect("127.0.0.1", 1521)), "0.0.0.0", 1521),
    ):
        report = climb(target("oracle", web.address, service="ORCL"), lab.agent)
        assert thief.connections == []
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.CONNECT, owner=Owner.OPERATOR)
