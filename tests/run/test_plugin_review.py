"""A verifier of another package proves its claims, and its faults name its package."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from scanready import Check, Finding, Outcome, Owner, Report, Settings, Step, Target, Verdict, verify
from scanready.catalogue import Cost, TargetType, Verifier
from scanready.causes import common
from scanready.climb.login_result import LoginResult
from scanready.climb.probe import Probe
from scanready.model import Credential
from scanready.net.stream import Stream
from scanready.report.parse import restored
from scanready.report.serialize import as_line
from scanready.run.engine import Run
from scanready.run.settings import CANARY_PORT
from scanready.wire import Buffer
from tests import clock
from tests.ladder import PLENTY, expect, story
from tests.run.conftest import Bring

ACCOUNT = Credential("c", "scan", "Passw0rd!")


def check(port: int = 9, credential: Credential | None = None, **settings: Any) -> Report:
    where = Target("127.0.0.1", "other", port, {}, credential)
    return asyncio.run(verify(where, Settings(canary=False, timeout=PLENTY, **settings)))


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(100)


async def passes(probe: Probe, *steps: Step, endpoint: str | None = None) -> None:
    for step in steps:
        async with probe.step(step, endpoint) as rung:
            rung.ok("fine")


PROMPT = (Step.HANDSHAKE, Step.AUTH)


async def by_its_own_client(probe: Probe) -> None:
    """A client library of its own connects, and the verifier counts that."""
    probe.footprint.connections += 1
    await passes(probe, *PROMPT)


async def nothing(probe: Probe) -> None:
    """Do nothing at all."""


async def contacts_nothing(probe: Probe) -> None:
    await passes(probe, *PROMPT)


async def reads_without_contact(probe: Probe) -> None:
    await passes(probe, *PROMPT, Step.LOGIN, Step.ACCESS)


async def counts_backwards(probe: Probe) -> None:
    probe.footprint.connections = -1
    await passes(probe, *PROMPT)


async def counts_beyond_all_numbers(probe: Probe) -> None:
    cost = probe.footprint
    cost.connections = cost.login_attempts = cost.probe_logins = 10**5000
    await passes(probe, *PROMPT)


async def leaves_a_rung_without_a_word(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.AUTH):
        pass


async def skips_the_handshake(probe: Probe) -> None:
    probe.footprint.connections += 1
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.skip("not today")
    await passes(probe, Step.AUTH)


async def omits_the_handshake(probe: Probe) -> None:
    probe.footprint.connections += 1
    await passes(probe, Step.AUTH, Step.ACCESS)


async def is_of_another_target(probe: Probe) -> None:
    probe.footprint.connections += 1
    await passes(probe, Step.HANDSHAKE)
    await passes(probe, Step.AUTH, endpoint="192.0.2.9:99")


async def logs_in_without_an_attempt(probe: Probe) -> None:
    await by_its_own_client(probe)
    await passes(probe, Step.LOGIN)


async def warns_without_proof(probe: Probe) -> None:
    await passes(probe, *PROMPT)
    async with probe.step(Step.TLS) as rung:
        rung.warn(common.TLS_EXPIRED, "expired yesterday")


async def fails_without_a_cause(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.record(Check(Step.HANDSHAKE, probe.endpoint, Outcome.FAILED, "went wrong"))


async def warns_without_a_cause(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.record(Check(Step.HANDSHAKE, probe.endpoint, Outcome.WARNED, "looks odd"))


async def swallows_its_failure(probe: Probe) -> None:
    probe.footprint.connections += 1
    await passes(probe, Step.HANDSHAKE)
    async with probe.step(Step.AUTH) as rung:
        with contextlib.suppress(Exception):
            rung.stop(common.REFUSED, "refused")


async def replaces_what_the_report_rests_on(probe: Probe) -> None:
    probe.footprint.connections += 1
    probe.checks = [Check(step, probe.endpoint, Outcome.PASSED, "fine") for step in PROMPT]
    probe.row = TargetType("other", "Other", 7, Cost(0, 0), speaks="x", proof=Step.AGENT)
    probe.depth = probe.deadline = probe.footprint = None  # type: ignore[assignment]  # that is the test


class Unwritable:
    """A fact that no report can show."""

    def __str__(self) -> str:
        raise LookupError("no words for it")


async def records_a_fact_without_words(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.AUTH) as rung:
        rung.ok("fine", words=[Unwritable()])


async def records_what_is_no_check(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.checks.append(None)  # type: ignore[arg-type]  # that is the test


async def names_a_step_by_its_word(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step("handshake") as rung:  # type: ignore[arg-type]  # that is the test
        rung.ok("speaks it")


def test_a_step_that_is_named_by_its_word(brought: Bring) -> None:
    brought(names_a_step_by_its_word)
    report = expect(check(), Verdict.UNDECIDED, FAILED)
    assert "recorded a check whose step is 'handshake'; write one of Step.AGENT, " in story(report)


async def records_seconds_that_are_none(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.checks[-1].seconds = "long"  # type: ignore[assignment]  # that is the test


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("seconds", math.nan, "seconds are nan; write a number from 0 to 1000000"),
        ("seconds", math.inf, "seconds are inf; write"),
        ("seconds", -1.0, "seconds are -1.0; write"),
        ("seconds", 10**5000, "seconds are a value of int; write"),
        ("seconds", True, "seconds are True; write"),
        ("tentative", "yes", "tentative is 'yes'; write True or False"),
        ("wordless", None, "wordless is None; write True or False"),
        ("remarks", b"", "trace or remarks are no text"),
    ],
    ids=["not-a-number", "infinite", "negative", "huge", "flag", "word", "none", "bytes"],
)
def test_a_check_whose_fields_no_reader_takes(brought: Bring, field: str, value: object, says: str) -> None:
    """A stored run with such a check could not be read again, with all of its other targets."""

    async def records_a_wrong_field(probe: Probe) -> None:
        await by_its_own_client(probe)
        setattr(probe.checks[-1], field, value)

    globals()["records_a_wrong_field"] = records_a_wrong_field
    brought(records_a_wrong_field)
    report = expect(check(), Verdict.UNDECIDED, FAILED)
    assert f"the verifier recorded a check of auth whose {says}" in story(report)
    assert restored(json.loads(as_line(report))).verdict is Verdict.UNDECIDED


async def names_two_addresses_and_no_check(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.checks.append(None)  # type: ignore[arg-type]  # that is the test
    probe.address = probe.source = "db7.corp"


def test_each_address_that_is_none_is_forgotten(brought: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[object] = []
    monkeypatch.setattr("scanready.run.engine.record_untried_login", lambda one, **_: left.append(one))
    brought(names_two_addresses_and_no_check)
    expect(check(), Verdict.UNDECIDED, FAILED)
    (probe,) = left
    assert isinstance(probe, Probe)
    assert (probe.address, probe.source) == (None, None)


# On the port of the canary ------------------------------------------------------------------------------------------


async def counts_in_words_there(probe: Probe) -> None:
    probe.footprint.connections = "many"  # type: ignore[assignment]  # that is the test


async def records_no_check_there(probe: Probe) -> None:
    probe.checks.append(None)  # type: ignore[arg-type]  # that is the test


async def names_a_word_as_finding_there(probe: Probe) -> None:
    probe.checks[-1].finding = "odd"  # type: ignore[assignment]  # that is the test


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (counts_in_words_there, "the verifier counted 'many' connections"),
        (records_no_check_there, "the verifier recorded None, which is no Check"),
        (names_a_word_as_finding_there, "the verifier recorded a check of handshake with a str without a Cause"),
    ],
)
def test_what_is_wrong_with_the_canary_of_a_verifier(
    brought: Bring, monkeypatch: pytest.MonkeyPatch, there: Verifier, says: str
) -> None:
    """Its records there are looked at before they are used, as those of the target are."""

    async def fails_at_the_canary(probe: Probe) -> None:
        probe.footprint.connections += 1
        await passes(probe, Step.HANDSHAKE)
        if probe.target.port == CANARY_PORT:
            await there(probe)
        await passes(probe, Step.AUTH)

    async def answers(_: Probe) -> bool:
        return True

    globals()["fails_at_the_canary"] = fails_at_the_canary
    monkeypatch.setattr(Probe, "answers", answers)
    brought(fails_at_the_canary)
    report = asyncio.run(verify(Target("localhost", "other", 9), Settings(timeout=PLENTY)))
    expect(report, Verdict.UNDECIDED, FAILED)
    assert f"on port {CANARY_PORT}: {says}" in story(report)


async def names_no_address(probe: Probe) -> None:
    await by_its_own_client(probe)
    probe.address = "db7.corp"


FAILED, UNPROVEN = "agent.plugin-failed", "agent.plugin-unproven"


@pytest.mark.parametrize(
    ("verifier", "code", "says"),
    [
        (nothing, FAILED, "the climb ended after agent, without a reason"),
        (contacts_nothing, UNPROVEN, "nothing was contacted"),
        (reads_without_contact, UNPROVEN, "nothing was contacted"),
        (counts_backwards, FAILED, "the verifier counted -1 connections; write a number from 0 to 1000000"),
        (counts_beyond_all_numbers, FAILED, "the verifier counted a value of int connections"),
        (leaves_a_rung_without_a_word, FAILED, "returned no result for the step auth"),
        (skips_the_handshake, UNPROVEN, "no check of handshake passed"),
        (omits_the_handshake, UNPROVEN, "no check of handshake passed"),
        (is_of_another_target, UNPROVEN, "no check of auth of an endpoint that the climb contacted passed"),
        (logs_in_without_an_attempt, UNPROVEN, "the login passed, and none was tried"),
        (warns_without_proof, UNPROVEN, "nothing was contacted"),
        (fails_without_a_cause, FAILED, "the check of handshake has failed and names no cause: went wrong"),
        (warns_without_a_cause, FAILED, "the check of handshake has warned and names no cause: looks odd"),
        (swallows_its_failure, FAILED, "returned no result for the step auth"),
        (records_a_fact_without_words, FAILED, "whose facts cannot be written: LookupError: no words for it"),
        (records_what_is_no_check, FAILED, "the verifier recorded None, which is no Check"),
        (records_seconds_that_are_none, FAILED, "a check of auth whose seconds are 'long'; write a number from 0 to"),
        (names_no_address, FAILED, "the verifier set `probe.address` to 'db7.corp', which is no address"),
        (replaces_what_the_report_rests_on, FAILED, "the climb ended after agent, without a reason"),
    ],
)
def test_no_proof_is_undecided(brought: Bring, verifier: Verifier, code: str, says: str) -> None:
    brought(verifier)
    heard: list[str] = []
    report = check(credential=ACCOUNT, tap=lambda _: lambda direction, _: heard.append(direction))
    expect(report, Verdict.UNDECIDED, code, owner=Owner.AGENT)
    assert not heard
    assert report.finding is not None
    assert says in report.finding.detail
    assert f"(other = {__name__}:{verifier.__name__})" in report.finding.detail


async def resolves_to_a_name(probe: Probe) -> None:
    async with probe.step(Step.RESOLVE) as rung:
        rung.ok("db7.corp", addresses=["db7.corp", 5])
    async with probe.step(Step.CONNECT) as rung:
        rung.stop(common.REFUSED, "refused")


async def resolves_to_a_number(probe: Probe) -> None:
    async with probe.step(Step.RESOLVE) as rung:
        rung.ok("5", addresses=5)
    async with probe.step(Step.CONNECT) as rung:
        rung.stop(common.REFUSED, "refused")


@pytest.mark.parametrize("verifier", [resolves_to_a_name, resolves_to_a_number])
def test_addresses_that_are_none_tell_no_subnet(brought: Bring, verifier: Verifier) -> None:
    brought(verifier)
    report = expect(check(), Verdict.BLOCKED, "connect.refused")
    assert "same_subnet" not in report.facts


async def counts_in_words(probe: Probe) -> None:
    probe.footprint.connections = "many"  # type: ignore[assignment]  # that is the test
    async with probe.step(Step.LOGIN) as rung:
        await asyncio.sleep(0.6)
        async with probe.attempt():
            await asyncio.sleep(1.0)
        rung.ok("logged in")


def test_counts_that_are_none_are_told_after_a_climb_that_was_turned_back(brought: Bring) -> None:
    async def run() -> list[Report]:
        targets = [Target(f"127.0.0.{number}", "other", 9, {}, ACCOUNT) for number in (1, 2)]
        async with Run(Settings(canary=False)) as one:
            return [report async for report in one.results(targets)]

    brought(counts_in_words)
    for report in clock.run(run()):
        expect(report, Verdict.UNDECIDED, FAILED)
        assert "the verifier counted 'many' connections" in story(report)
        assert report.footprint.connections == 0


def test_the_connections_of_its_own_client_count(brought: Bring) -> None:
    brought(by_its_own_client)
    expect(check(), Verdict.READY)
    expect(check(depth=Step.HANDSHAKE), Verdict.UNDECIDED, "scanready.depth-limited")


async def fails_then_passes(probe: Probe) -> None:
    await fails_in_one_rung(probe)
    await passes(probe, *PROMPT)


async def fails_in_one_rung(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.AUTH) as rung:
        rung.fail(common.TLS_REQUIRED, "wants TLS")
        rung.warn(common.TLS_EXPIRED, "expired")
        rung.inconclusive(common.LOGIN_REFUSED, "refused")
        rung.skip("not today")
        rung.ok("fine")


async def from_the_top_down(probe: Probe) -> None:
    probe.footprint.connections += 1
    await passes(probe, *reversed(PROMPT))
    async with probe.step(Step.CONNECT) as rung:
        rung.stop(common.TLS_REQUIRED, "wants TLS")


async def inside_a_rung_that_fails(probe: Probe) -> None:
    probe.footprint.connections += 1
    async with probe.step(Step.HANDSHAKE) as rung:
        await passes(probe, *PROMPT)
        rung.stop(common.TLS_REQUIRED, "wants TLS")


@pytest.mark.parametrize(
    "verifier", [fails_then_passes, fails_in_one_rung, from_the_top_down, inside_a_rung_that_fails]
)
def test_what_failed_has_failed(brought: Bring, verifier: Verifier) -> None:
    """A word that is said before or later changes nothing, on the same rung or another one."""
    brought(verifier)
    expect(check(), Verdict.BLOCKED, "tls.required")


async def warns_and_skips(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.TLS) as rung:
        rung.warn(common.TLS_EXPIRED, "expired")
        rung.skip("not today")


def test_a_warning_is_not_skipped(brought: Bring) -> None:
    brought(warns_and_skips)
    expect(check(), Verdict.LIMITED, "tls.expired")


async def says_all_is_well(probe: Probe) -> None:
    await probe.connect()
    await passes(probe, *PROMPT)


async def listens(probe: Probe) -> None:
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.ok((await stream.receive(line)).decode())
    await passes(probe, Step.AUTH)


async def goes_to_the_port_it_is_sent_to(probe: Probe) -> None:
    stream = await probe.dial("127.0.0.1", probe.target.port)
    async with probe.step(Step.HANDSHAKE, f"127.0.0.1:{probe.target.port}") as rung:
        rung.ok((await stream.receive(line)).decode())
    await passes(probe, Step.AUTH)


def test_an_open_port_proves_nothing(brought: Bring) -> None:
    brought(says_all_is_well)
    with in_background(misbehave.silent) as server:
        report = expect(check(server.port), Verdict.UNDECIDED, UNPROVEN)
    assert "the target sent not one byte: an open port proves nothing" in story(report)


async def reads_what_it_closed(probe: Probe) -> None:
    stream = await probe.connect()
    await stream.close()
    await stream.receive(line)


async def writes_what_it_closed(probe: Probe) -> None:
    stream = await probe.connect()
    await stream.close()
    await stream.send(b"x")


async def reads_what_it_handed_over(probe: Probe) -> None:
    stream = await probe.connect()
    stream.detach().close()
    await stream.receive(line)


async def waits_too_short_between_rungs(probe: Probe) -> None:
    await probe.connect()
    async with asyncio.timeout(0.01):
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("verifier", "code", "step"),
    [
        (reads_what_it_closed, FAILED, Step.HANDSHAKE),
        (writes_what_it_closed, FAILED, Step.HANDSHAKE),
        (reads_what_it_handed_over, FAILED, Step.HANDSHAKE),
        (waits_too_short_between_rungs, "scanready.out-of-time", Step.HANDSHAKE),
    ],
)
def test_a_mistake_after_the_connect_accuses_no_server(
    brought: Bring, verifier: Verifier, code: str, step: Step
) -> None:
    """These were a server that hangs up, and a resolver that does not answer: both block."""
    brought(verifier)
    with in_background(misbehave.silent) as server:
        expect(check(server.port), Verdict.UNDECIDED, code, step=step)


async def says_goodbye_on_what_it_handed_over(probe: Probe) -> None:
    async def leave(stream: Stream) -> None:
        await stream.send(b"bye")

    stream = await probe.connect(farewell=leave)
    stream.detach().close()
    await passes(probe, *PROMPT)


def test_nothing_is_said_on_a_connection_that_was_handed_over(brought: Bring) -> None:
    brought(says_goodbye_on_what_it_handed_over)
    with in_background(misbehave.silent) as server:
        expect(check(server.port), Verdict.READY)


@pytest.mark.parametrize("verifier", [listens, goes_to_the_port_it_is_sent_to])
def test_an_answer_proves_it(brought: Bring, verifier: Verifier) -> None:
    brought(verifier)
    with in_background(misbehave.says(b"hello\r\n")) as server:
        expect(check(server.port), Verdict.READY)


async def shares(probe: Probe) -> None:
    await probe.share("talk", listens)


def test_a_shared_talk_proves_it_for_both(brought: Bring) -> None:
    from scanready import verify_all

    brought(shares)

    async def both(port: int) -> list[Report]:
        targets = [Target("127.0.0.1", "other", port, {}, None, tags) for tags in (("a",), ("b",))]
        return [report async for report in verify_all(targets, Settings(canary=False, timeout=PLENTY))]

    with in_background(misbehave.says(b"hello\r\n")) as server:
        reports = asyncio.run(both(server.port))
    assert [report.verdict for report in reports] == [Verdict.READY] * 2
    assert sorted(report.footprint.connections for report in reports) == [0, 1]


ROW = TargetType("other", "Other", 7, Cost(1, 1), speaks="other", verifier=nothing, proof=Step.AGENT)
CONNECTED = TargetType("other", "Other", 7, Cost(1, 1), speaks="other", verifier=says_all_is_well, proof=Step.CONNECT)


@pytest.mark.parametrize(
    ("row", "code", "says"),
    [
        ("ROW", "agent.plugin-broken", "write Step.CONNECT or higher"),
        ("CONNECTED", UNPROVEN, "sent not one byte"),
    ],
)
def test_a_row_that_calls_too_little_proof(brought: Bring, row: str, code: str, says: str) -> None:
    brought(type(row, (), {"__module__": __name__}))
    with in_background(misbehave.silent) as server:
        report = expect(check(server.port), Verdict.UNDECIDED, code)
    assert says in story(report)


async def logs_in(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.LOGIN) as rung:
        await probe.login(lambda where, credential, seconds: LoginResult(), probe.host)
        rung.ok("logged in")


def test_a_login_that_was_tried(brought: Bring) -> None:
    brought(logs_in)
    expect(check(credential=ACCOUNT), Verdict.READY)


async def logs_in_without_a_result(probe: Probe) -> None:
    await by_its_own_client(probe)
    async with probe.step(Step.LOGIN):
        await probe.login(lambda where, credential, seconds: None, probe.host)  # type: ignore[type-var]  # the test


def test_a_login_without_a_result(brought: Bring) -> None:
    brought(logs_in_without_a_result)
    report = expect(check(credential=ACCOUNT), Verdict.UNDECIDED, FAILED, step=Step.LOGIN)
    assert "the login returned NoneType; it must return a LoginResult" in story(report)
    assert report.footprint.login_attempts == 1


def test_a_built_in_that_names_no_cause_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    from scanready.run import registry

    monkeypatch.setattr(registry, "verifier", lambda _: fails_without_a_cause)
    report = asyncio.run(verify(Target("127.0.0.1", "ssh", 9), Settings(canary=False)))
    expect(report, Verdict.UNDECIDED, "scanready.bug")
    assert report.finding == Finding(common.BUG, "the verifier of ssh named no cause for the failure: went wrong")
    monkeypatch.setattr(registry, "verifier", lambda _: leaves_a_rung_without_a_word)
    report = asyncio.run(verify(Target("127.0.0.1", "ssh", 9), Settings(canary=False)))
    expect(report, Verdict.UNDECIDED, "scanready.bug", step=Step.AUTH)
