"""Make the results of three agents for twelve targets, whose best assignment and changes are evident.

======================  =============  =============  ==============
targets                 proxy-lon      proxy-nyc      proxy-win1
======================  =============  =============  ==============
web1, web2, web3        reads          reads          reads
db1, db2, db3           closed port    reads          closed port
pc1, pc2                no Windows     no Windows     login prompt
far1, far2              closed port    closed port    no ssh client
far3                    closed port    two closed     two closed
locked                  refused        closed port    login prompt
======================  =============  =============  ==============

proxy-nyc and proxy-win1 are needed, and proxy-lon is not. No agent can scan far1, far2, far3 and locked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from scanready.causes import client_program, common
from scanready.model import (
    LADDER,
    Agent,
    Cause,
    Check,
    Credential,
    DeclaredAgent,
    Finding,
    Outcome,
    Report,
    Step,
    Target,
)
from scanready.report.estate import EstateView, Frame
from tests.estate.results import result

LON = Agent("proxy-lon", "Linux", ("10.1.0.5",))
NYC = Agent("proxy-nyc", "Linux", ("10.2.0.5",))
WIN = Agent("proxy-win1", "Windows", ("10.2.0.6",))
AGENTS = (LON, NYC, WIN)
FRAME = Frame(
    "",
    (
        DeclaredAgent("proxy-lon", ("lon",), "Linux"),
        DeclaredAgent("proxy-nyc", ("nyc",), "Linux"),
        DeclaredAgent("proxy-win1", ("nyc", "lon"), "Windows"),
    ),
)
ACCOUNT = Credential("unix-scan", "svc-er")
INSTALL = "# On the agent proxy-win1, in a shell:\nAdd-WindowsCapability -Online -Name OpenSSH.Client"
#: The addresses of the targets; far3 is in another network.
ADDRESSES = {
    **{f"web{number}": f"10.5.0.{number}" for number in (1, 2, 3)},
    **{f"db{number}": f"10.6.0.{number}" for number in (1, 2, 3)},
    **{f"pc{number}": f"10.7.0.{number}" for number in (1, 2)},
    **{f"far{number}": f"10.8.0.{number}" for number in (1, 2)},
    "far3": "10.9.0.3",
    "locked": "10.6.0.9",
}


def climbed(target: Target, last: Step, *ends: tuple[Cause, Step, int]) -> list[Check]:
    """Return the checks up to ``last``, then a failed one for each cause, step and port."""
    where = f"{target.host}:{target.port}"
    name = Check(Step.RESOLVE, target.host, Outcome.PASSED, "", {"addresses": [ADDRESSES[target.host]]})
    checks = [Check(step, where, Outcome.PASSED, "") for step in LADDER if step.height <= last.height]
    checks = [name if check.step is Step.RESOLVE else check for check in checks]
    for cause, step, port in ends:
        at = f"{target.host}:{port}" if port else where
        fix = INSTALL if cause is client_program.MISSING else None
        checks.append(Check(step, at, Outcome.FAILED, "", {}, Finding(cause, f"met at {at}", fix)))
    return checks


def of(agent: Agent, target: Target, checks: list[Check]) -> Report:
    """Return the result of an agent."""
    return dataclasses.replace(result(agent.name, checks, target), agent=agent)


def closed(target: Target, *ports: int) -> list[Check]:
    """Return checks that end at closed ports."""
    return climbed(target, Step.RESOLVE, *((common.FILTERED, Step.CONNECT, port) for port in ports or (target.port,)))


def results() -> Iterator[Report]:
    """Yield the results, target by target."""
    for name in ("web1", "web2", "web3"):
        web = Target(name, "https", 443, tags=("dmz",))
        yield from (of(agent, web, climbed(web, Step.ACCESS)) for agent in AGENTS)
    for name in ("db1", "db2", "db3"):
        database = Target(name, "postgresql", 5432, {"database": "hr"}, ACCOUNT)
        for agent in AGENTS:
            yield of(agent, database, climbed(database, Step.ACCESS) if agent is NYC else closed(database))
    for name in ("pc1", "pc2"):
        windows = Target(name, "windows", 135)
        for agent in AGENTS:
            mismatch = [(common.PLATFORM_MISMATCH, Step.AGENT, 0)] if agent is not WIN else []
            yield of(agent, windows, climbed(windows, Step.AUTH, *mismatch))
    for name in ("far1", "far2"):
        far = Target(name, "unix", 22)
        yield of(LON, far, closed(far))
        yield of(NYC, far, closed(far))
        yield of(WIN, far, climbed(far, Step.AUTH, (client_program.MISSING, Step.AGENT, 0)))
    far3 = Target("far3", "nfs", 2049)
    yield of(LON, far3, closed(far3))
    yield of(NYC, far3, closed(far3, 2049, 111))
    yield of(WIN, far3, closed(far3, 2049, 111))
    locked = Target("locked", "postgresql", 5432, {}, ACCOUNT)
    yield of(LON, locked, climbed(locked, Step.AUTH, (common.LOGIN_REFUSED, Step.LOGIN, 0)))
    yield of(NYC, locked, closed(locked))
    yield of(WIN, locked, climbed(locked, Step.AUTH))


def view() -> EstateView:
    """Return the view of these results."""
    return EstateView(results, FRAME)
