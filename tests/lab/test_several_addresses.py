"""A name with several addresses, of which one is dead: a finding wherever on the climb it is met."""

from __future__ import annotations

from fixtures.emulators import in_background, mssql
from fixtures.lab.lab import Lab
from scanready.model import Owner, Step, Verdict
from tests.lab.test_mssql import DYNAMIC, at, sql_server
from tests.ladder import climb, expect, target
from tests.websites import OK, moved, site


def test_where_a_redirect_leads(lab: Lab) -> None:
    """Port 80 of both answers; the crawler goes on to 8080, and there one of them does not."""
    host = lab.host("two-fronts", addresses=2)
    name, dead = "fronts.lab", host.addresses[1]
    lab.topology.name({name: host.addresses[:2]})
    first = site({"/": moved(f"http://{name}:8080/")})
    with (
        at(host, lambda: in_background(first, "0.0.0.0", port=80)),
        at(host, lambda: in_background(site({"/": OK}), "0.0.0.0", port=8080)),
    ):
        expect(climb(target("http", name), lab.agent), Verdict.SCANNABLE)
        with lab.policy(f"ip daddr {dead} tcp dport 8080 drop"):
            report = climb(target("http", name), lab.agent)
    rule = f"ip daddr {dead} tcp dport 8080 accept"
    expect(report, Verdict.LIMITED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)


def test_where_the_browser_says_an_instance_is(lab: Lab) -> None:
    host = lab.host("two-sqls", addresses=2)
    name, dead = "sqls.lab", host.addresses[1]
    lab.topology.name({name: host.addresses[:2]})
    where = target("mssql", name, 1433, None, instance="HR")
    with sql_server(host, DYNAMIC, mssql.Server(instance="HR"), {"HR": DYNAMIC}):
        expect(climb(where, lab.agent), Verdict.READY)
        with lab.policy(f"ip daddr {dead} tcp dport {DYNAMIC} reject with tcp reset"):
            report = climb(where, lab.agent)
    expect(report, Verdict.LIMITED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_where_autodiscover_leads(lab: Lab) -> None:
    lab.exchange()
    lab.dns()
    name, live = "autodiscover.name.corp.lab", lab.exchange().site("exchange").address
    where = target("ews", "name.corp.lab", None, None, autodiscover=True)
    lab.topology.name({name: (live, lab.host("no-exchange").address)})
    try:
        report = climb(where, lab.agent)
    finally:
        lab.topology.name({name: (live,)})
    expect(report, Verdict.LIMITED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    expect(climb(where, lab.agent), Verdict.READY)


def test_of_the_proxy(lab: Lab) -> None:
    proxy = lab.proxy("open")
    name = "proxies.lab"
    lab.topology.name({name: (proxy.address, lab.host("no-proxy").address)})
    report = climb(
        target("https", lab.nginx().site("good").hostname, None, None, proxy=f"{name}:{proxy.port}"), lab.agent
    )
    expect(report, Verdict.LIMITED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_the_neighbour_is_asked_of_the_host_that_autodiscover_found(lab: Lab) -> None:
    """The mail domain's own web server is another machine: what its ports do says nothing of Exchange's."""
    lab.exchange()
    lab.dns()
    where = target("ews", "name.corp.lab", None, None, autodiscover=True)
    site_ = lab.host("two-fronts", addresses=2)
    lab.topology.name({"name.corp.lab": (site_.address,)})
    try:
        with at(site_, lambda: in_background(site({"/": OK}), "0.0.0.0", port=64937)) as neighbour:
            expect(climb(where, lab.agent), Verdict.READY)
            assert not neighbour.connections
        with lab.exchange().host.every_port_leads_to(443):
            report = climb(where, lab.agent)
    finally:
        lab.topology.name({"name.corp.lab": ()})
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)
