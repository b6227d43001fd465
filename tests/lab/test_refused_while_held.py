"""Real servers whose answers are held back while another one refuses the account: no proof of the password follows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import Server, in_background
from fixtures.lab.lab import Lab
from scanready.climb import guard
from scanready.model import Credential, Report, Step, Verdict
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.ladder import climb, expect, story, target
from tests.targets.held_logins import Gate

#: Parts of a server's answers that go out before the others are held back.
POINTS = range(6)


def raced(
    server: Any, refuses: Any, kinds: tuple[str, str], who: Credential, proofs: Callable[[bytes], int]
) -> tuple[int, int, list[Report]]:
    """Return the proofs that ``server`` has when the other one refuses the account, all at the end, and the reports."""

    def sent(fronts: list[Server]) -> int:
        return sum(proofs(record.received) for front in fronts for record in front.connections)

    async def run(gates: list[Gate], fronts: list[Server]) -> tuple[int, list[Report]]:
        async with Run(Settings(timeout=20, canary=False, per_host=50)) as run:
            expect(await run.verify(target(kinds[0], server.hostname, credential=who)), Verdict.SCANNABLE)
            held = [target(kinds[0], front.host, front.port, who, allow_cleartext=True) for front in fronts]
            checks = [asyncio.create_task(run.verify(one)) for one in held]
            while not all(gate.holds.is_set() or check.done() for gate, check in zip(gates, checks, strict=True)):
                await asyncio.sleep(0.02)
            refused = await run.verify(target(kinds[1], refuses.hostname, credential=who))
            assert refused.cause is not None, story(refused)
            assert refused.cause.code == "login.refused", story(refused)
            before = sent(fronts)
            for gate in gates:
                gate.opened.set()
            return before, await asyncio.gather(*checks)

    gates = [Gate(server.ports[0], point, server.address) for point in POINTS]
    with contextlib.ExitStack() as stack:
        # Each front is a host of its own: the first login at a host is made by itself.
        fronts = [
            stack.enter_context(in_background(gate.behaviour, f"127.0.0.{10 + point}"))
            for point, gate in zip(POINTS, gates, strict=True)
        ]
        before, reports = asyncio.run(run(gates, fronts))
        return before, sent(fronts), reports


def withheld(reports: list[Report]) -> int:
    return sum(report.cause is not None and report.cause.code == "login.withheld" for report in reports)


def test_postgresql(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "ESTABLISHED", 1)
    server, other = lab.postgresql("scram", label="held"), lab.mariadb("standard", label="refusing-held")
    who = Credential("held", "er", "Passw0rd!", authority="corp")
    kinds = ("postgresql", "mysql")
    before, after, reports = lab.agent.run(lambda: raced(server, other, kinds, who, lambda sent: sent.count(b",p=")))
    assert after == before, "\n".join(map(story, reports))
    assert withheld(reports), "\n".join(map(story, reports))


@pytest.mark.parametrize(("variant", "point"), [("observed", 0), ("tls", 1)])
def test_mariadb_counts_no_hang_up(variant: str, point: int, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login is held before the greeting, or in its own TLS handshake, where its proof cannot be read."""
    monkeypatch.setattr(guard, "ESTABLISHED", 1)
    server, other = lab.mariadb(variant, label="held"), lab.postgresql("scram", label="refusing-held")
    who = Credential("held", server.user, "Passw0rd!", authority="corp")
    proof = b"\0" + server.user.encode() + b"\0\x14"
    kinds = ("mysql", "postgresql")
    before, after, reports = lab.agent.run(lambda: raced(server, other, kinds, who, lambda sent: sent.count(proof)))
    assert after == before, "\n".join(map(story, reports))
    expect(reports[point], Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert reports[point].footprint.login_attempts == 0
    if variant == "observed":
        assert server.host_errors(lab.agent.address).get("SUM_CONNECT_ERRORS", 0) == 0
    expect(climb(target("mysql", server.hostname, credential=who), lab.agent), Verdict.SCANNABLE)
