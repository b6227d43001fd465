"""Make a lab of four agents: one target that only one of them reaches, and one for each other way to disagree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from scanready.causes import common
from scanready.model import LADDER, Agent, Cause, Check, DeclaredAgent, Finding, Outcome, Report, Step, Target
from scanready.report.estate import Absent, EstateView, Frame
from tests.estate.results import result

AGENTS = ("proxy-lon", "proxy-nyc", "proxy-par", "proxy-sgp")
#: Reached by proxy-sgp and by no other agent.
LONELY = Target("db7", "postgresql", 5432)
REFUSED = Target("ora1", "ssh", 22)
FILTERED = Target("fs01", "smb", 445)
FINE = Target("web3", "https", 443)
ADDRESSES = {"proxy-lon": "10.1.0.5", "proxy-nyc": "10.2.0.5", "proxy-par": "10.3.0.5", "proxy-sgp": "10.4.0.5"}


def climbed(target: Target, last: Step, cause: Cause | None = None, detail: str = "") -> list[Check]:
    """Return the checks of a result that passed all steps below ``last``; ``cause`` ends it there."""
    where, checks = f"{target.host}:{target.port}", []
    for step in LADDER:
        if step.height < last.height or (step is last and cause is None):
            checks.append(Check(step, where, Outcome.PASSED, f"{step} passed"))
        elif step is last and cause is not None:
            found = Finding(cause, detail, None)
            checks.append(Check(step, where, Outcome.FAILED, detail, {}, found))
        else:
            checks.append(Check(step, where, Outcome.SKIPPED, "not reached"))
    return checks


def of(agent: str, target: Target, last: Step, cause: Cause | None = None) -> Report:
    """Return the result of one agent."""
    report = result(agent, climbed(target, last, cause, f"no answer to {agent}"), target)
    return dataclasses.replace(report, agent=Agent(agent, "Linux", (ADDRESSES.get(agent, "10.9.0.5"),)))


def results() -> Iterator[Report]:
    """Yield the results of all agents, target by target."""
    for agent in AGENTS:
        reaches = agent == "proxy-sgp"
        yield of(agent, LONELY, Step.AUTH) if reaches else of(agent, LONELY, Step.CONNECT, common.FILTERED)
    for agent in AGENTS:
        yield of(agent, REFUSED, Step.CONNECT, common.REFUSED)
    for agent in AGENTS[:3]:
        yield of(agent, FILTERED, Step.CONNECT, common.FILTERED)
    for agent in AGENTS:
        yield of(agent, FINE, Step.AUTH)


def frame(*more: str, absent: tuple[Absent, ...] = ()) -> Frame:
    """Return a frame that declares the four agents, and more."""
    return Frame("", tuple(DeclaredAgent(name, ("all",), "linux") for name in (*AGENTS, *more)), absent)


def view(of: Frame | None = None) -> EstateView:
    """Return the estate view of the lab."""
    return EstateView(lambda: list(results()), of or frame(), "0.2.0")
