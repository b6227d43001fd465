"""The records of another package's verifier are bounded, and its facts have their declared types; remarks say so."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from scanready import Check, Finding, Outcome, Owner, Report, Settings, Step, Target, Verdict, verify
from scanready.catalogue import Cost, TargetType, Verifier
from scanready.catalogue.exchange import Exchange
from scanready.catalogue.facts import PRODUCT, Fact, Kind
from scanready.causes import common
from scanready.climb.bounds import MOST_CHECKS, MOST_CONNECTIONS, most_checks, require_connection, require_room
from scanready.climb.contact import Contact
from scanready.climb.misconduct import Misconduct
from scanready.climb.probe import Probe
from scanready.net.stream import StreamError, Tap
from scanready.report.serialize import as_line
from scanready.run.plugins.evidence import (
    LONGEST_FIX,
    LONGEST_TEXT,
    MOST_BITS,
    MOST_FACTS,
    MOST_OF_FACTS,
    MOST_VALUES,
    Evidence,
    surplus,
)
from scanready.run.plugins.guards import Guards
from scanready.testing import FakeTarget
from tests.ladder import PLENTY, expect, story
from tests.run.conftest import Bring

FAILED = "agent.plugin-failed"
HUGE = 100_000_000


def check(port: int = 9, tap: Callable[[Target], Tap] | None = None) -> Report:
    return asyncio.run(verify(Target("127.0.0.1", "other", port), Settings(canary=False, timeout=PLENTY, tap=tap)))


async def is_ready(probe: Probe, **facts: Any) -> None:
    probe.footprint.connections += 1
    for step in (Step.HANDSHAKE, Step.AUTH):
        async with probe.step(step) as rung:
            rung.ok("fine", **(facts if step is Step.AUTH else {}))


def of(probe: Probe, outcome: Outcome, finding: Finding | None = None) -> Check:
    return Check(Step.HANDSHAKE, probe.endpoint, outcome, "one of many", {}, finding)


# Checks: 20,000 in each way that there is ---------------------------------------------------------------------------


async def climbs_without_end(probe: Probe) -> None:
    await is_ready(probe)
    for _ in range(20_000):
        async with probe.step(Step.AUTH) as rung:
            rung.ok("fine")


async def records_without_end(probe: Probe) -> None:
    await is_ready(probe)
    while True:
        probe.record(of(probe, Outcome.PASSED))


async def appends_many(probe: Probe) -> None:
    await is_ready(probe)
    probe.checks.extend(of(probe, Outcome.PASSED) for _ in range(20_000))


async def appends_many_and_no_check(probe: Probe) -> None:
    await appends_many(probe)
    probe.checks.append(None)  # type: ignore[arg-type]  # that is the test


async def says_many_on_one_rung(probe: Probe) -> None:
    await is_ready(probe)
    async with probe.step(Step.AUTH) as rung:
        rung.ok("fine")
        rung.also(*(of(probe, Outcome.PASSED) for _ in range(20_000)))


async def swallows_the_end(probe: Probe) -> None:
    await is_ready(probe)
    for _ in range(20_000):
        try:
            probe.record(of(probe, Outcome.PASSED))
        except RuntimeError:
            probe.checks.append(of(probe, Outcome.PASSED))


@pytest.mark.parametrize(
    ("verifier", "says"),
    [
        (climbs_without_end, f"recorded {MOST_CHECKS} checks and did not stop"),
        (records_without_end, f"recorded {MOST_CHECKS} checks and did not stop"),
        (appends_many, f"recorded 20002 checks, of which {20_002 - MOST_CHECKS} are left out, those that failed last"),
        (says_many_on_one_rung, f"recorded 20003 checks, of which {20_003 - MOST_CHECKS} are left out"),
        (swallows_the_end, f"recorded 20002 checks, of which {20_002 - MOST_CHECKS} are left out"),
    ],
)
def test_checks_are_bounded_and_what_is_left_out_is_said(brought: Bring, verifier: Verifier, says: str) -> None:
    brought(verifier)
    report = expect(check(), Verdict.UNDECIDED, FAILED, owner=Owner.AGENT)
    assert says in story(report)
    assert f"(other = {__name__}:{verifier.__name__})" in story(report)
    assert MOST_CHECKS <= len(report.checks) <= MOST_CHECKS + 10  # our own words about it besides


def test_checks_are_bounded_beside_what_is_no_check(brought: Bring) -> None:
    brought(appends_many_and_no_check)
    report = expect(check(), Verdict.UNDECIDED, FAILED)
    assert "the verifier recorded None, which is no Check" in story(report)
    assert len(report.checks) <= MOST_CHECKS + 10


@pytest.mark.parametrize("place", [0, 10_000, 20_000])
def test_a_failure_among_many_checks_still_blocks(brought: Bring, place: int) -> None:
    """Wherever it stands: those that failed are left out last."""
    refused = Finding(common.REFUSED, "refused")

    async def fails_among_many(probe: Probe) -> None:
        await is_ready(probe)
        many = [of(probe, Outcome.PASSED) for _ in range(20_001)]
        many[place] = of(probe, Outcome.FAILED, refused)
        many[1:3] = [of(probe, Outcome.FAILED, Finding(common.LIMIT, "a limit"))] * 2
        probe.checks.extend(many)

    globals()["fails_among_many"] = fails_among_many
    brought(fails_among_many)
    expect(check(), Verdict.BLOCKED, "connect.refused")


def test_a_warning_among_many_checks_is_kept(brought: Bring) -> None:
    async def warns_among_many(probe: Probe) -> None:
        await appends_many(probe)
        probe.checks.append(of(probe, Outcome.WARNED, Finding(common.TLS_EXPIRED, "expired yesterday")))

    globals()["warns_among_many"] = warns_among_many
    brought(warns_among_many)
    report = expect(check(), Verdict.UNDECIDED, FAILED)
    assert common.TLS_EXPIRED in [one.finding.cause for one in report.checks if one.finding]


async def connects_without_end(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE) as rung:
        while True:
            stream = await probe.dial("127.0.0.1", probe.target.port)
            await probe.leave(stream)
        rung.ok("fine")


def test_connections_are_bounded(brought: Bring) -> None:
    brought(connects_without_end)
    with FakeTarget() as fake:
        report = expect(check(fake.port), Verdict.UNDECIDED, FAILED)
    assert f"opened {MOST_CONNECTIONS} connections and did not stop" in story(report)
    assert report.footprint.connections == MOST_CONNECTIONS


def test_the_addresses_of_a_name_are_no_loop() -> None:
    """A name may have more of them than a climb may record checks; each is dialled, and has a check."""
    contact = Contact()
    contact.at(
        "many.example", 9, [(socket.AF_INET, (f"127.0.{number // 250}.{number % 250 + 1}", 9)) for number in range(600)]
    )
    contact.connections = 600
    checks = [made() for _ in range(601)]
    require_room(checks, contact)
    require_connection(contact)
    assert surplus(list(checks), most_checks(contact)) == ""
    with pytest.raises(Misconduct, match="recorded 1099 checks and did not stop"):
        require_room([made() for _ in range(1099)], contact)
    contact.connections = 855
    with pytest.raises(Misconduct, match="opened 855 connections and did not stop"):
        require_connection(contact)


async def asks_without_end(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE) as rung:
        while True:
            try:
                await probe.ask("127.0.0.1", 9, b"x", lambda data: data, seconds=0.001)
            except (OSError, StreamError):
                continue
        rung.ok("fine")


def test_questions_over_udp_are_bounded(brought: Bring) -> None:
    brought(asks_without_end)
    report = expect(check(), Verdict.UNDECIDED, FAILED)
    assert f"opened {MOST_CONNECTIONS} connections and did not stop" in story(report)


# Texts and facts: 100 MB, 20,000 ------------------------------------------------------------------------------------


def made(**parts: Any) -> Check:
    return Check(Step.AUTH, "h:7", Outcome.PASSED, "fine", **parts)


def bounded(one: Check, *facts: Fact, home: str = "acme") -> list[str]:
    class Row(TargetType):
        @property
        def facts(self) -> tuple[Fact, ...]:
            return facts

    return Evidence(Row("other", "Other", 7, Cost(1, 1), speaks="other", home=home)).bound(one)


@pytest.mark.parametrize("name", ["summary", "endpoint", "trace", "remarks"])
def test_a_text_is_cut(name: str) -> None:
    one = made()
    setattr(one, name, "x" * HUGE)
    assert bounded(one) == [f"the {name} is cut: it has {HUGE} characters; write {LONGEST_TEXT} at most"]
    assert getattr(one, name) == "x" * LONGEST_TEXT + f"... ({HUGE - LONGEST_TEXT} more characters)"


def test_a_detail_is_cut_and_a_fix_is_left_out() -> None:
    one = made(finding=Finding(common.REFUSED, "y" * HUGE, "z" * HUGE))
    assert bounded(one) == [
        f"the detail is cut: it has {HUGE} characters; write {LONGEST_TEXT} at most",
        f"the fix is left out: it has {HUGE} characters; write {LONGEST_FIX} at most",
    ]
    assert one.finding is not None
    assert one.finding.detail == "y" * LONGEST_TEXT + f"... ({HUGE - LONGEST_TEXT} more characters)"
    assert one.finding.fix is None


A, B = Fact("a", Kind.TEXT, "", "A."), Fact("b", Kind.TEXTS, "", "B.")
MANY = Fact("m", Kind.INTEGERS, "", "M.")
DEEP = Fact("deep", Kind.MAP, "", "D.")


def test_the_words_of_a_story_are_cut() -> None:
    guarded = Guards("acme", print).exchange(Exchange(lambda *_: "x" * HUGE))
    assert callable(guarded.sent)
    assert guarded.sent(None, made()) == "x" * LONGEST_TEXT  # type: ignore[arg-type]  # it looks at none


def test_the_facts_of_a_check_are_bounded() -> None:
    one = made(facts={f"f{number}": "x" for number in range(20_000)})
    (remark,) = bounded(one, home="")
    assert remark == f"{20_000 - MOST_FACTS} facts are left out; state at most {MOST_FACTS} in a check"
    assert list(one.facts) == [f"f{number}" for number in range(MOST_FACTS)]


def test_a_fact_is_cut() -> None:
    one = made(facts={"a": "x" * HUGE, "m": list(range(20_000)), "deep": {"within": {"m": list(range(20_000))}}})
    assert bounded(one, A, MANY, DEEP) == [
        f"the fact `{name}` is cut: it has 20000 values; state {MOST_VALUES} at most" for name in ("m", "deep")
    ]
    assert one.facts["a"] == "x" * LONGEST_TEXT + f"... ({HUGE - LONGEST_TEXT} more characters)"
    assert one.facts["m"] == list(range(MOST_VALUES))
    assert one.facts["deep"]["within"]["m"] == list(range(MOST_VALUES))


class Endless:
    """A fact whose text is longer than any."""

    def __str__(self) -> str:
        return "x" * 1_000_000


def test_all_facts_of_a_climb_have_one_bound() -> None:
    one = made(facts={f"f{number}": "x" * 4000 for number in range(100)} | {"object": Endless()})
    remarks = bounded(one, home="")
    assert sum(len(str(value)) for value in one.facts.values()) < MOST_OF_FACTS
    assert remarks[0].startswith("the fact `f6")
    assert remarks[0].endswith(f"is left out: the facts have more than {MOST_OF_FACTS} characters")
    assert remarks[-1].endswith("more remarks")
    assert len(remarks) == 11


async def overwhelms(probe: Probe) -> None:
    await is_ready(probe, **{f"f{number}": ["x" * 5000] * 5000 for number in range(50)}, a="y" * HUGE)


def test_a_verdict_does_not_change_by_what_is_cut(brought: Bring) -> None:
    """Facts and texts are evidence for people; the outcomes decide."""
    brought(overwhelms)
    tracemalloc.start()
    try:
        report = expect(check(), Verdict.READY)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 8_000_000
    auth = next(one for one in report.checks if one.step is Step.AUTH)
    assert "is left out: the facts have more than" in auth.remarks
    assert sum(map(len, map(str, auth.facts.values()))) < 2 * MOST_OF_FACTS


# Whole numbers that nothing writes -----------------------------------------------------------------------------------

LARGE = 10**5000
COUNTED = Fact("n", Kind.INTEGER, "", "N.")


@pytest.mark.parametrize(
    "value",
    [LARGE, -LARGE, [1, LARGE], {"within": {"deep": LARGE}}, {LARGE: 1}, {LARGE}],
    ids=["number", "negative", "list", "deep", "key", "set"],
)
def test_a_number_that_nothing_writes_is_left_out(value: Any) -> None:
    one = made(facts={"n": value, "product": "Acme"})
    remark = "the fact `n` is left out: it has a whole number of 16610 bits; state one of at most 4096, or its digest"
    assert bounded(one, PRODUCT) == [remark]
    assert one.facts == {"product": "Acme"}


def test_a_number_of_a_large_key_is_kept() -> None:
    one = made(facts={"n": 2**MOST_BITS - 1})
    assert bounded(one, COUNTED) == []
    assert one.facts == {"n": 2**MOST_BITS - 1}


async def reads_a_number_from_all_bytes(probe: Probe) -> None:
    await is_ready(probe, n=int.from_bytes(b"x" * 3000, "big"))


async def names_a_fact_with_a_number(probe: Probe) -> None:
    await is_ready(probe)
    probe.checks[-1].facts = {LARGE: 1}  # type: ignore[dict-item]  # that is the test


@pytest.mark.parametrize("verifier", [reads_a_number_from_all_bytes, names_a_fact_with_a_number])
def test_a_result_with_a_number_that_nothing_writes_is_written(brought: Bring, verifier: Verifier) -> None:
    """It would end the whole run, whose result file then is half a document."""
    brought(verifier)
    report = expect(check(), Verdict.READY)
    assert json.loads(as_line(report))["verdict"] == "ready"
    assert any("is left out: it has a whole number of" in one.remarks for one in report.checks)


# Facts that are not declared ----------------------------------------------------------------------------------------

ROWS: dict[str, TargetType] = {}


@pytest.mark.parametrize(
    ("facts", "remark"),
    [
        ({"a": 5}, "the fact `a` is left out: it is a value of int; write a text"),
        ({"a": None}, "the fact `a` is left out: it is a value of NoneType; write a text"),
        ({"b": "x"}, "the fact `b` is left out: it is a value of str; write a list of texts"),
        ({"b": ["x", 1]}, "the fact `b` is left out: it is a value of list; write a list of texts"),
        ({"tls": 1.3}, "the fact `tls` is left out: it is a value of float; write a text"),
        ({"dynamic_port": "1"}, "the fact `dynamic_port` is left out: it is a value of str; write an integer or None"),
    ],
)
def test_a_declared_fact_of_another_type_is_left_out(facts: dict[str, Any], remark: str) -> None:
    one = made(facts={**facts, "product": "Acme"})
    assert bounded(one, A, B, PRODUCT)[:1] == [remark]
    assert one.facts == {"product": "Acme"}


def test_a_fact_that_is_declared_nowhere_is_kept_and_said() -> None:
    one = made(facts={"colour": "red", "product": "Acme"})
    assert bounded(one, A) == [
        f"the fact `{name}` is declared nowhere; declare it in FACTS of the module facts"
        for name in ("colour", "product")
    ]
    assert one.facts == {"colour": "red", "product": "Acme"}


def test_declared_facts_have_no_remark() -> None:
    one = made(facts={"a": "x", "b": ["y"], "product": "Acme"})
    assert bounded(one, A, B, PRODUCT) == []
    assert one.facts == {"a": "x", "b": ["y"], "product": "Acme"}


def test_a_bare_coroutine_can_declare_none() -> None:
    """Shared names keep their types there, too: who reads results rely on them."""
    one = made(facts={"colour": "red", "product": ["Acme"]})
    assert bounded(one, home="") == ["the fact `product` is left out: it is a value of list; write a text"]
    assert one.facts == {"colour": "red"}


async def states_a_wrong_type(probe: Probe) -> None:
    await is_ready(probe, product=5, colour="red")


def test_the_transcript_has_the_remarks_and_the_tests_of_the_author_fail(brought: Bring) -> None:
    brought(states_a_wrong_type)
    heard: list[tuple[str, bytes]] = []
    with FakeTarget() as fake:
        report = expect(check(fake.port, tap=lambda _: lambda *entry: heard.append(entry)), Verdict.READY)
        other = FakeTarget()
        with other, pytest.raises(AssertionError, match="the fact `product` is left out: it is a value of int; write"):
            fake.assert_followed(connections=0)
        other.assert_followed(connections=0)
    assert heard == [("remark", b"the fact `product` is left out: it is a value of int; write a text")]
    assert report.facts["colour"] == "red"
    assert "product" not in report.facts


async def states_what_is_right(probe: Probe) -> None:
    await is_ready(probe, product="Acme")


def test_a_right_fact_fails_no_test(brought: Bring) -> None:
    brought(states_what_is_right)
    with FakeTarget() as fake:
        expect(check(fake.port), Verdict.READY)
        fake.assert_followed(connections=0)
