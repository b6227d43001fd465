"""A host without a type is one target with one result, made of those of its types."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import replace

import jsonschema
import pytest

from fixtures.emulators import in_background, ssh
from scanready.causes import common
from scanready.inventory import parse_target
from scanready.inventory.targets import of_any_type
from scanready.model import Check, Finding, Outcome, Report, Step, Target, Verdict
from scanready.report.groups import worth_telling
from scanready.report.parse import NotAResult, rejudged, restored
from scanready.report.schema import result_schema
from scanready.report.serialize import as_line
from scanready.run.any_type import combined, flat, narrowed
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.report.reports import ready

DAY = datetime.date(2026, 5, 1)
PASSED = Check(Step.CONNECT, "db7:1", Outcome.PASSED, "connected")


def report(kind: str, verdict: Verdict, *, answers: bool = True, at: int = 0, seconds: float = 0.5) -> Report:
    """A report of one of the types that were tried at db7."""
    made = replace(ready("db7", kind), verdict=verdict, checks=[PASSED] if answers else [], seconds=seconds)
    made.started = f"2026-05-01T00:00:{at:02}.000Z"
    if verdict in (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED):
        cause = common.OTHER_PROTOCOL if answers else common.REFUSED
        made = replace(made, finding=Finding(cause, f"not {kind}"), finding_step=cause.step)
    return made


def host(*reports: Report) -> Target:
    return Target("db7", "any", 0, tries=tuple(one.target for one in reports))


@pytest.mark.parametrize(
    ("tried", "verdict", "leads"),
    [
        ([("ssh", "blocked", True), ("smb", "ready", True), ("nfs", "limited", True)], "ready", "smb"),
        ([("ssh", "limited", True), ("smb", "scannable", True)], "scannable", "smb"),
        ([("ssh", "blocked", False), ("smb", "blocked", True)], "blocked", "smb"),
        ([("ssh", "blocked", True), ("smb", "undecided", True)], "undecided", "smb"),
        ([("ssh", "undecided", False), ("smb", "blocked", False)], "blocked", "smb"),
        ([("ssh", "undecided", False), ("smb", "undecided", False)], "undecided", "ssh"),
    ],
    ids=["the-best", "proven", "who-answered", "who-answered-and-is-open", "none-answered", "nothing-known"],
)
def test_the_verdict_of_a_host(tried: list[tuple[str, str, bool]], verdict: str, leads: str) -> None:
    reports = [report(kind, Verdict(word), answers=answers) for kind, word, answers in tried]
    found = combined(host(*reports), reports, DAY)
    assert found.verdict == verdict
    assert found.types[0].target.type == leads
    assert found.cause is found.types[0].cause
    assert {one.target.type for one in found.types} == {kind for kind, _, _ in tried}


def test_what_it_cost_and_how_long_it_took() -> None:
    reports = [report("ssh", Verdict.READY, at=1, seconds=2.0), report("smb", Verdict.BLOCKED, at=5, seconds=1.0)]
    found = combined(host(*reports), reports, DAY)
    assert (found.footprint.connections, found.footprint.probe_logins) == (2, 2)
    assert (found.started, found.seconds) == ("2026-05-01T00:00:01.000Z", 5.0)
    assert [one.footprint.connections for one in found.types] == [1, 1]


def test_it_is_stored_and_read_back() -> None:
    reports = [report("ssh", Verdict.READY), report("smb", Verdict.BLOCKED)]
    line = as_line(combined(host(*reports), reports, DAY))
    stored = json.loads(line)
    jsonschema.validate(stored, result_schema())
    assert (stored["target"]["name"], stored["as"]) == ("any://db7", ["ssh"])
    assert [one["target"]["type"] for one in stored["types"]] == ["ssh", "smb"]
    back = restored(stored)
    assert as_line(back) == line
    assert rejudged(back).target == back.target
    stored["types"][0]["types"] = stored["types"]
    with pytest.raises(NotAResult, match="has `types` itself"):
        restored(stored)


def test_whose_causes_are_worth_telling() -> None:
    limited, refused = report("ssh", Verdict.LIMITED), report("smb", Verdict.BLOCKED, answers=False)
    answered = report("nfs", Verdict.BLOCKED)

    def told(*reports: Report) -> list[str]:
        return [one.target.type for one in worth_telling(combined(host(*reports), reports, DAY))]

    assert told(limited, refused, answered) == ["ssh"]
    assert told(refused, answered) == ["nfs"]
    assert told(refused) == ["any"]


def test_some_of_its_types_can_be_asked_for() -> None:
    target = of_any_type(parse_target("db7"))
    (only,) = narrowed([target], lambda one: one.type == "ssh")
    assert [one.type for one in flat([only])] == ["ssh"]
    assert narrowed([target], lambda one: one.type == "none") == []
    assert narrowed([target], lambda one: one.host == "db7") == [target]


async def _reports(targets: list[Target], *, single: bool = False) -> list[Report]:
    async with Run(Settings(timeout=30.0, canary=False)) as run:
        if single:
            return [await run.verify(one) for one in targets]
        return [one async for one in run.results(targets)]


@pytest.mark.parametrize("single", [False, True], ids=["of-many", "alone"])
def test_a_run_climbs_for_each_type_and_tells_of_the_host_once(single: bool) -> None:
    with in_background(ssh.openssh_9_2) as server:
        anything = of_any_type(parse_target(f"127.0.0.1:{server.port}"))
        plain = Target("127.0.0.1", "unix", server.port)
        found = asyncio.run(_reports([anything, plain], single=single))
    by_type = {one.target.type: one for one in found}
    assert set(by_type) == {"any", "unix"}
    assert by_type["any"].verdict is by_type["unix"].verdict is Verdict.READY
    assert by_type["any"].target is anything
    assert {one.target.type for one in by_type["any"].types} == {one.type for one in anything.tries}
    assert by_type["any"].types[0].target.type in ("ssh", "unix")
