"""Make an estate view of a given size: several sites, agents that disagree, missing results, and an absent agent."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from scanready.model import Agent, DeclaredAgent, Report, Target
from scanready.report import new_estate_document
from scanready.report.estate import Absent, EstateTotals, EstateView, Frame
from scanready.report.look import Look
from tests.report.estate import reports

SITES = ("nyc", "lon", "sgp")
ABSENT = "results from 2025-12-01, too old"
#: The shapes that the results of an estate are made of: one for each type and end.
_SHAPES = 30


def agent_of(number: int) -> Agent:
    """Return the agent of a number; every second one runs on Windows."""
    address = f"10.200.{number}.5"
    platform = ("Linux", "Windows")[number % 2]
    return Agent(f"proxy-{SITES[number % 3]}-{number:02}", platform, (address,), networks=(f"{address}/24",))


def frame_of(agents: int) -> Frame:
    """Return the frame of an estate; its last agent is absent, and one target has no result at all."""
    declared = tuple(
        DeclaredAgent(agent_of(number).name, (SITES[number % 3], "all"), agent_of(number).platform.lower())
        for number in range(agents)
    )
    unseen = (Target("unseen.corp", "ssh", 22, sites=("all",)),)
    return Frame("0123abcd", declared, (Absent(declared[-1].name, ABSENT),), unseen, ("Two clocks disagree by 90 s.",))


def results(targets: int, agents: int, details: int = 1) -> Iterator[Report]:
    """Yield the results of an estate target by target.

    Args:
        targets: the number of targets; each fifth one belongs to a site, and each tenth misses a result.
        agents: the number of agents.
        details: the number of different products, which multiplies the number of distinct ladders.
    """
    shapes = list(itertools.islice(reports(_SHAPES), _SHAPES))
    present = [agent_of(number) for number in range(agents - 1)]
    for number in range(targets):
        own = _target(number, shapes[number % 5].target)
        for place, agent in enumerate(present):
            if (own.sites and SITES[place % 3] not in own.sites) or (number % 10 == 3 and place == number % agents):
                continue
            # The same shape for most agents, so that they agree about most targets.
            shape = shapes[
                (number % 6 * 5 + number % 5) % _SHAPES if (number + place) % 9 else number % 5 + 5 * (place % 6)
            ]
            yield _result(shape, agent, own, number, place, number % details)


def _target(number: int, like: Target) -> Target:
    sites = (SITES[number % 3],) if number % 5 == 4 else ()
    return Target(f"host-{number:05}.corp", like.type, like.port, sites=sites)


def _result(shape: Report, agent: Agent, target: Target, number: int, place: int, build: int) -> Report:
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    old, host = f"{shape.facts['addresses'][0]}", shape.target.host
    mixed = (number * 7919 + place * 104729) % 1_000_003

    def own(text: str) -> str:
        return text.replace(old, address).replace(host, target.host).replace("10.0.1.5", agent.addresses[0])

    checks = []
    for step, check in enumerate(shape.checks):
        facts = {"addresses": [address]} if "addresses" in check.facts else dict(check.facts)
        finding = check.finding
        if finding:
            finding = dataclasses.replace(finding, detail=own(finding.detail), fix=own(finding.fix or ""))
        taken = (200 + mixed * (step + 3) % 90_001) / 1e6 if check.seconds else 0.0
        checks.append(
            dataclasses.replace(check, endpoint=own(check.endpoint), summary=own(check.summary), facts=facts,
                                finding=finding, seconds=taken)
        )  # fmt: skip
    finding = next((check.finding for check in checks if check.finding), None)
    second = number // 20 + place
    started = f"2026-01-01T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.{mixed % 1000:03}Z"
    facts = {"product": "Thing", "version": "1.2.3", "build": build, "addresses": [address]}
    return dataclasses.replace(
        shape, agent=agent, target=target, checks=checks, finding=finding, facts=facts, started=started,
        seconds=sum(check.seconds for check in checks),
    )  # fmt: skip


def view_of(targets: int, agents: int, details: int = 1) -> EstateView:
    """Return the view of such an estate."""
    return EstateView(lambda: results(targets, agents, details), frame_of(agents), "0.2.0")


def page_of(view: EstateView) -> Iterator[str]:
    """Yield the text of the HTML page of an estate view."""
    document, totals = new_estate_document("html", Look()), EstateTotals.of(view.info)
    yield document.begin(view.info)
    for row in view.rows():
        totals.add(row)
        yield document.add(row)
    yield document.end(totals)
