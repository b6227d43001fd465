"""From what a climb found to a report: the canary, the steps not climbed, the verdict. Nothing is contacted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from scanready.causes import common, unproven
from scanready.climb.guard import Turn
from scanready.climb.probe import Probe
from scanready.climb.time_shares import TimeShares
from scanready.model import Cause, Check, Credential, Finding, Outcome, Report, Step, Target, Verdict
from scanready.run import canary, registry
from scanready.run.engine import Run, verify
from scanready.run.registry import catalogue
from scanready.run.settings import CANARY_PORT, Settings
from tests import clock
from tests.ladder import check_of, expect, story, target

P, W, F = Outcome.PASSED, Outcome.WARNED, Outcome.FAILED
PROMPT = [(Step.CONNECT, P), (Step.HANDSHAKE, P), (Step.AUTH, P)]
SCAN = Credential("scan", "svc", "pw")
Found = tuple[Step, Outcome] | tuple[Step, Outcome, Cause]


class Host:
    """A scripted host: what a climb finds on the target's port, and on the canary's (None: it does not answer)."""

    def __init__(self, real: list[Any], canary: list[Any] | None = None) -> None:
        self.real, self.canary = real, canary
        self.climbed: list[Probe] = []
        self.asked: list[Target] = []
        self.address: str | None = None
        self.takes = 0.0
        self.connections, self.probe_logins = 1, 0

    async def verify(self, probe: Probe) -> None:
        """Record the scripted checks, as a verifier does."""
        self.climbed.append(probe)
        probe.address = self.address
        probe.footprint.connections += self.connections
        probe.footprint.probe_logins += self.probe_logins
        self.pass_time(self.takes)
        found = (self.canary or []) if probe.target.port == CANARY_PORT else self.real
        for step, outcome, *cause in found:
            finding = Finding(cause[0], "the detail") if cause else None
            probe.record(Check(step, probe.endpoint, outcome, f"{step} seen", {"rejected_by": probe.endpoint}, finding))

    async def answers(self, probe: Probe) -> bool:
        """Stand for :meth:`Probe.answers` of the canary."""
        self.asked.append(probe.target)
        return self.canary is not None

    def pass_time(self, seconds: float) -> None:
        """Let the clock of the event loop jump."""
        loop = asyncio.get_running_loop()
        before = loop.time
        if seconds:
            loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # a double

    @property
    def canary_probe(self) -> Probe:
        """The climb of the canary."""
        return next(probe for probe in self.climbed if probe.target.port == CANARY_PORT)


Scripted = Callable[..., Host]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    def use(real: list[Any], there: list[Any] | None = None) -> Host:
        host = Host(real, there)
        monkeypatch.setattr(registry, "verifier", lambda _: host.verify)
        monkeypatch.setattr(canary, "literal", lambda *_: None)  # a name: a bare socket answers for an address only
        monkeypatch.setattr(Run, "_is_dialled_early", lambda *_: False)  # there is no host
        monkeypatch.setattr(Probe, "answers", lambda probe: host.answers(probe))
        return host

    return use


def report_of(where: Target | None = None, **settings: Any) -> Report:
    return asyncio.run(verify(where or target("postgresql", "db7.corp"), Settings(**settings)))


# --- the canary: whether another port of the host gives the same answer ---------------------------------------------


def test_a_silent_canary_clears_the_host_for_the_whole_run(script: Scripted) -> None:
    host = script(PROMPT)

    async def run() -> None:
        async with Run(Settings()) as run_:
            for type_ in ("postgresql", "mysql", "ssh"):
                expect(await run_.verify(target(type_, "db7.corp")), Verdict.READY)
            assert len(host.asked) == 1
            await run_.verify(target("postgresql", "db8.corp"))
            assert [where.host for where in host.asked] == ["db7.corp", "db8.corp"]
            run_.renew()
            await run_.verify(target("postgresql", "db7.corp"))
            assert len(host.asked) == 3

    asyncio.run(run())
    assert all(probe.target.port != CANARY_PORT for probe in host.climbed)


def test_a_canary_that_is_cleared_by_address_clears_the_name_too(script: Scripted) -> None:
    host = script(PROMPT)
    host.address = "10.0.0.7"

    async def run() -> None:
        async with Run(Settings()) as run_:
            await run_.verify(target("postgresql", "db7.corp"))
            host.address = None  # types that share a port: only the first has dialled
            await run_.verify(target("mysql", "db7.corp"))

    asyncio.run(run())
    assert [where.host for where in host.asked] == ["10.0.0.7"]


def test_the_canary_is_the_same_question_on_another_port(script: Scripted) -> None:
    host = script(PROMPT, [(Step.HANDSHAKE, F, common.HUNG_UP)])
    host.address = "10.0.0.7"
    report_of(target("ews", "mail.corp", credential=SCAN, autodiscover=True, allow_cleartext=True))
    canary = host.canary_probe
    assert host.asked == [canary.target]
    assert canary.target == Target("10.0.0.7", "ews", CANARY_PORT, {"allow_cleartext": True})
    assert canary.target.credential is None
    assert canary.depth is Step.HANDSHAKE


def test_a_canary_that_gives_the_same_answer_takes_the_proof_away(script: Scripted) -> None:
    script(PROMPT, [(Step.HANDSHAKE, P)])
    report = expect(report_of(), Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE)
    check = check_of(report, Step.HANDSHAKE)
    assert check.outcome is Outcome.WARNED
    assert check.endpoint == f"db7.corp:{CANARY_PORT}"
    assert check.summary == f"port {CANARY_PORT} gives the same answer: handshake seen"
    assert report.finding is not None
    assert report.finding.detail == check.summary
    assert report.facts == {"rejected_by": "db7.corp:5432"}, "the canary's facts are not the target's"


@pytest.mark.parametrize(
    "canary",
    [
        [(Step.HANDSHAKE, F, common.HUNG_UP)],
        [(Step.HANDSHAKE, F, common.OTHER_PROTOCOL)],
        [(Step.HANDSHAKE, F, common.THROTTLED)],
        [(Step.CONNECT, P)],
        [(Step.CONNECT, P), (Step.TLS, P)],
    ],
    ids=["hangs-up", "another-protocol", "throttles", "accepts", "does-tls"],
)
def test_a_canary_that_answers_otherwise_doubts_nothing(script: Scripted, canary: list[Found]) -> None:
    host = script(PROMPT, canary)
    host.connections, host.probe_logins = 2, 1
    report = report_of()
    assert report.verdict is Verdict.READY
    assert (report.footprint.connections, report.footprint.probe_logins) == (4, 2), "what it cost is counted"
    assert len(host.climbed) == 2


def test_a_canary_counts_at_the_step_that_proves_the_type(script: Scripted) -> None:
    """The update service is proven by TLS."""
    script([(Step.CONNECT, P), (Step.TLS, P)], [(Step.TLS, P)])
    where = target("update", "updates.corp")
    expect(report_of(where), Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE)


@pytest.mark.parametrize(
    ("takes", "seconds"), [(0.0, 1.6), (2.0, 5.6), (3.0, 7.0), (9.0, 1.0), (9.9, 0.25)], ids=lambda value: f"{value}s"
)
def test_the_time_of_a_canary(script: Scripted, takes: float, seconds: float) -> None:
    """Twice the real climb's and 1.6 s, no more than the target has left, and a quarter of a second in any case."""
    host = script(PROMPT, [(Step.HANDSHAKE, F, common.HUNG_UP)])
    host.takes = takes
    clock.run(verify(target("postgresql", "db7.corp"), Settings(timeout=10.0)))
    canary = host.canary_probe
    assert canary.deadline + canary.grace - canary.started == pytest.approx(seconds)


def test_a_canary_that_takes_no_connection_in_time_is_silent(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    host = script(PROMPT, [(Step.HANDSHAKE, P)])

    async def hangs(probe: Probe) -> bool:
        host.asked.append(probe.target)
        await asyncio.sleep(60)
        return True

    monkeypatch.setattr(Probe, "answers", hangs)
    monkeypatch.setattr(canary, "_SILENCE", 0.02)
    expect(report_of(), Verdict.READY)
    assert len(host.asked) == 1


LOGGED_IN = [*PROMPT, (Step.LOGIN, P)]


@pytest.mark.parametrize(
    ("real", "where", "asked"),
    [
        (PROMPT, None, True),
        ([*PROMPT, (Step.ACCESS, P)], None, True),
        ([*PROMPT, (Step.TLS, W, common.TLS_EXPIRED)], None, True),
        ([*PROMPT, (Step.LOGIN, W)], None, True),
        ([*PROMPT, (Step.LOGIN, F, common.LOGIN_REFUSED)], None, False),
        ([*PROMPT, (Step.LOGIN, F, common.LIMIT)], None, False),
        ([(Step.CONNECT, F, common.REFUSED)], None, False),
        ([(Step.CONNECT, P)], None, False),
        (LOGGED_IN, None, False),
        ([*LOGGED_IN, (Step.ACCESS, P)], None, False),
        (PROMPT, target("http", "web.corp", proxy="proxy.corp:3128"), False),
        (PROMPT, target("cloud", "s3"), False),
    ],
    ids=[
        "ready",
        "scannable",
        "limited",
        "login-warned",
        "blocked",
        "undecided",
        "refused",
        "connected",
        "logged-in",
        "logged-in-and-read",
        "proxy",
        "cloud",
    ],
)
def test_the_canary_is_asked_where_the_verdict_rests_on_an_answer(
    script: Scripted, real: list[Found], where: Target | None, asked: bool
) -> None:
    host = script(real)
    report_of(where)
    assert bool(host.asked) is asked


def test_the_canary_can_be_forbidden(script: Scripted) -> None:
    host = script(PROMPT, [(Step.HANDSHAKE, P)])
    report = expect(report_of(canary=False), Verdict.READY)
    assert host.asked == []
    assert len([check for check in report.checks if check.step is Step.HANDSHAKE]) == 1


STANDS = [(Step.CONNECT, P), (Step.HANDSHAKE, P)]


def test_a_connection_is_proof_if_the_neighbour_takes_none(script: Scripted) -> None:
    host = script(STANDS)
    report = expect(report_of(target("master", "fe80::7")), Verdict.READY)
    check = check_of(report, Step.HANDSHAKE)
    assert (check.endpoint, check.outcome) == (f"[fe80::7]:{CANARY_PORT}", Outcome.PASSED)
    assert check.summary == "does not accept connections"
    assert len(host.asked) == 1


def test_a_neighbour_that_answers_otherwise_is_no_doubt(script: Scripted) -> None:
    script(STANDS, [(Step.HANDSHAKE, F, common.HUNG_UP)])
    report = expect(report_of(target("master", "m.corp")), Verdict.READY)
    assert check_of(report, Step.HANDSHAKE).summary == "does not accept connections"


def test_the_neighbour_of_a_cleared_host_is_part_of_every_proof(script: Scripted) -> None:
    host = script(STANDS)

    async def run() -> None:
        async with Run(Settings()) as run_:
            for port in (11117, 11118):
                report = expect(await run_.verify(target("master", "m.corp", port)), Verdict.READY)
                assert check_of(report, Step.HANDSHAKE).summary == "does not accept connections"

    asyncio.run(run())
    assert len(host.asked) == 1


def test_a_connection_is_no_proof_if_the_neighbour_takes_one(script: Scripted) -> None:
    script(STANDS, STANDS)
    report = expect(report_of(target("master", "m.corp")), Verdict.UNDECIDED, "handshake.false-open")
    assert [check.outcome for check in report.checks if str(CANARY_PORT) in check.endpoint] == [Outcome.WARNED]


@pytest.mark.parametrize(
    ("canary", "settings"),
    [([(Step.CONNECT, P), (Step.HANDSHAKE, F, common.OUT_OF_TIME)], {}), (None, {"canary": False})],
    ids=["no-time", "forbidden"],
)
def test_a_connection_is_no_proof_if_the_neighbour_is_not_known(
    script: Scripted, canary: list[Found] | None, settings: dict[str, Any]
) -> None:
    script(STANDS, canary)
    report = report_of(target("master", "m.corp"), **settings)
    expect(report, Verdict.UNDECIDED, "master.neighbour-unknown", step=Step.HANDSHAKE)
    check = check_of(report, Step.HANDSHAKE)
    assert (check.endpoint, check.outcome) == (f"m.corp:{CANARY_PORT}", Outcome.WARNED)
    assert check.summary == f"it is not known whether port {CANARY_PORT} accepts connections, too"
    assert report.finding is not None
    assert report.finding.detail == check.summary


EXPIRED = [*PROMPT, (Step.TLS, W, common.TLS_EXPIRED)]
SKIPPED = [*PROMPT, (Step.LOGIN, Outcome.SKIPPED)]


@pytest.mark.parametrize(
    ("type_", "real", "verdict", "settings"),
    [
        ("postgresql", PROMPT, Verdict.UNDECIDED, {}),
        ("postgresql", PROMPT, Verdict.UNDECIDED, {"depth": Step.LOGIN}),
        ("postgresql", PROMPT, Verdict.READY, {"depth": Step.AUTH}),
        ("postgresql", SKIPPED, Verdict.READY, {}),  # a built-in type says why
        ("postgresql", EXPIRED, Verdict.LIMITED, {}),
        ("postgresql", LOGGED_IN, Verdict.READY, {}),
        ("postgresql", [*PROMPT, (Step.ACCESS, P)], Verdict.SCANNABLE, {}),
        ("postgresql", [*PROMPT, (Step.ACCESS, W)], Verdict.SCANNABLE, {}),
        ("postgresql", [(Step.CONNECT, F, common.REFUSED)], Verdict.BLOCKED, {}),
        ("tibero", PROMPT, Verdict.READY, {}),  # only the scanner's own client logs in
        ("master", STANDS, Verdict.READY, {}),  # it has no login
        ("elsewhere", PROMPT, Verdict.UNDECIDED, {}),
        ("elsewhere", SKIPPED, Verdict.UNDECIDED, {}),
        ("elsewhere", EXPIRED, Verdict.UNDECIDED, {}),
        ("elsewhere", LOGGED_IN, Verdict.READY, {}),
        ("elsewhere", [*PROMPT, (Step.ACCESS, P)], Verdict.SCANNABLE, {}),
        ("elsewhere", [*PROMPT, (Step.ACCESS, W, common.TLS_EXPIRED)], Verdict.LIMITED, {}),
    ],
)
def test_a_credential_that_was_not_tried_proves_nothing(
    script: Scripted, type_: str, real: list[Found], verdict: Verdict, settings: dict[str, Any]
) -> None:
    script(real)
    report = report_of(Target("h.corp", type_, 99, credential=SCAN), **settings)
    assert report.verdict is verdict, story(report)
    if verdict is Verdict.UNDECIDED:
        expect(report, verdict, "login.not-tried", step=Step.LOGIN)
        check = check_of(report, Step.LOGIN)
        assert (check.endpoint, check.outcome) == ("h.corp:99", F)
        assert check.summary == f"the verifier of {type_} did not log in with scan"
        assert report.finding is not None
        assert report.finding.detail == check.summary
    else:
        assert report.cause is not unproven.LOGIN_NOT_TRIED


def test_a_user_name_alone_is_nothing_to_log_in_with(script: Scripted) -> None:
    script(PROMPT)
    expect(report_of(target("postgresql", "db7.corp", credential=Credential("scan", "svc"))), Verdict.READY)


# --- the steps that were not climbed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "credential", "depth", "skipped"),
    [
        (PROMPT, None, Step.ACCESS, {Step.LOGIN: "no credential was given", Step.ACCESS: "no credential was given"}),
        (EXPIRED, SCAN, Step.ACCESS, {Step.LOGIN: "not reached", Step.ACCESS: "not reached"}),
        (
            PROMPT,
            Credential("scan", "svc"),
            Step.ACCESS,
            {
                Step.LOGIN: "no password was given for scan",
                Step.ACCESS: "no password was given for scan",
            },
        ),
        (
            [*PROMPT, (Step.LOGIN, F, common.LOGIN_REFUSED)],
            SCAN,
            Step.ACCESS,
            {Step.ACCESS: "not reached: stopped at login"},
        ),
        (
            [(Step.HANDSHAKE, F, common.HUNG_UP), (Step.TLS, W)],
            None,
            Step.HANDSHAKE,
            {
                Step.AUTH: "not asked: depth is handshake",
                Step.LOGIN: "not asked: depth is handshake",
                Step.ACCESS: "not asked: depth is handshake",
            },
        ),
        (
            [(Step.CONNECT, F, common.REFUSED), (Step.CONNECT, F, common.FILTERED)],
            None,
            Step.AUTH,
            {
                Step.TLS: "not reached: stopped at connect",
                Step.HANDSHAKE: "not reached: stopped at connect",
                Step.AUTH: "not reached: stopped at connect",
                Step.LOGIN: "not asked: depth is auth",
                Step.ACCESS: "not asked: depth is auth",
            },
        ),
        ([*LOGGED_IN, (Step.ACCESS, P)], SCAN, Step.ACCESS, {}),
    ],
    ids=["no-credential", "nothing-said", "no-password", "refused", "hung-up", "not-connected", "all-climbed"],
)
def test_every_step_above_says_why_it_was_not_climbed(
    script: Scripted, real: list[Found], credential: Credential | None, depth: Step, skipped: dict[Step, str]
) -> None:
    script(real)
    report = report_of(target("postgresql", "db7.corp", credential=credential), depth=depth)
    assert {check.step: check.summary for check in report.checks if check.outcome is Outcome.SKIPPED} == skipped
    assert all(check.endpoint == "db7.corp:5432" for check in report.checks if check.outcome is Outcome.SKIPPED)


def test_where_keys_log_in_either_is_missing(script: Scripted) -> None:
    script(PROMPT)
    report = report_of(target("ssh", "h.corp", credential=Credential("scan", "svc")))
    assert check_of(report, Step.LOGIN).summary == "no password or key was given for scan"


def test_the_last_failure_is_the_one_that_stopped_the_climb(script: Scripted) -> None:
    script([(Step.CONNECT, F, common.REFUSED), (Step.CONNECT, P), (Step.HANDSHAKE, F, common.HUNG_UP)])
    assert check_of(report_of(), Step.AUTH).summary == "not reached: stopped at handshake"


# --- the report -----------------------------------------------------------------------------------------------------


def test_a_report_tells_what_decided(script: Scripted) -> None:
    script([(Step.CONNECT, P), (Step.HANDSHAKE, F, common.HUNG_UP)])
    report = expect(report_of(), Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE)
    assert report.reached is Step.CONNECT
    assert report.finding == Finding(common.HUNG_UP, "the detail")
    assert report.facts == {"rejected_by": "db7.corp:5432"}
    assert report.started.startswith("20")


def test_a_report_without_a_fault_has_no_finding(script: Scripted) -> None:
    script(PROMPT)
    report = expect(report_of(), Verdict.READY)
    assert (report.finding, report.finding_step, report.reached) == (None, None, Step.AUTH)
    assert report.checks[0].step is Step.AGENT, "the agent is the lowest step, and shown first"


def test_of_one_fact_the_later_counts(script: Scripted) -> None:
    host = script([])

    async def tells(probe: Probe) -> None:
        for router in ("10.0.0.1", "10.0.0.2"):
            probe.record(Check(Step.HANDSHAKE, "h:1", P, "", {"rejected_by": router}))

    host.verify = tells  # type: ignore[method-assign]  # a double
    assert report_of(canary=False).facts["rejected_by"] == "10.0.0.2"


@pytest.mark.parametrize(
    ("real", "depth", "code", "detail"),
    [
        (STANDS, Step.HANDSHAKE, "scanready.depth-limited", "climbed to handshake; the login prompt was not asked for"),
        (STANDS, Step.AUTH, "scanready.limit", "climbed to handshake; the login prompt was not asked for"),
        (STANDS, Step.ACCESS, "scanready.limit", "climbed to handshake; the login prompt was not asked for"),
    ],
    ids=["by-depth", "at-depth", "beyond"],
)
def test_a_climb_that_ends_without_a_word_is_undecided(
    script: Scripted, real: list[Found], depth: Step, code: str, detail: str
) -> None:
    script(real)
    report = expect(report_of(depth=depth), Verdict.UNDECIDED, code, step=Step.HANDSHAKE)
    assert report.finding is not None
    assert report.finding.detail == detail


def test_a_climb_that_found_nothing_at_all_is_undecided(script: Scripted) -> None:
    script([])
    report = expect(report_of(target("master", "m.corp")), Verdict.UNDECIDED, "scanready.limit")
    assert report.finding is not None
    assert report.finding.detail == "climbed to nothing; the login prompt was not asked for"
    assert (report.finding_step, report.reached) == (None, None)
    assert [check.step for check in report.checks] == list(catalogue()["master"].steps), "each says why it was skipped"


def test_a_report_has_the_seconds_of_the_whole_climb(script: Scripted) -> None:
    script(PROMPT).takes = 3.0
    assert report_of(canary=False).seconds == pytest.approx(3.0, abs=0.2)


def test_a_type_that_is_not_built_fails_at_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "verifier", lambda _: None)
    report = expect(report_of(), Verdict.UNDECIDED, "scanready.not-built", step=Step.AGENT)
    first, *rest = report.checks
    detail = "no verifier for postgresql in this version; nothing was contacted"
    assert (first.step, first.endpoint, first.outcome, first.summary) == (Step.AGENT, "postgresql", F, detail)
    assert {check.summary for check in rest} == {"not reached: stopped at agent"}
    assert report.finding == Finding(unproven.NOT_BUILT, detail)


# --- guessed types share one target's time ----------------------------------------------------------------------------


def guessed(type_: str, port: int) -> Target:
    return Target("h.corp", type_, port, guessed=True)


def test_a_guess_without_time_contacts_nothing_and_says_how_to_ask(
    script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = script(PROMPT)
    monkeypatch.setattr(TimeShares, "turn", lambda *_: (0.0, 0.0))
    report = expect(report_of(guessed("mysql", 3306)), Verdict.UNDECIDED, "scanready.out-of-time", step=Step.CONNECT)
    detail = "the other types tried on this port used up the time; check mysql://h.corp:3306 by itself"
    check = check_of(report, Step.CONNECT)
    assert (check.endpoint, check.outcome, check.summary) == ("mysql", F, detail)
    assert report.finding == Finding(common.OUT_OF_TIME, detail)
    assert host.climbed == []


@pytest.mark.parametrize(
    ("type_", "port", "silent", "likely"),
    [
        ("http", 80, False, True),
        ("http", 8000, False, False),
        ("ssh", 22, False, True),
        ("ssh", 8000, False, True),  # its server opens the talk: a greeting settles it
        ("ssh", 8000, True, False),
        ("ssh", 22, True, True),
    ],
)
def test_the_likely_guesses_have_more_time(
    script: Scripted, monkeypatch: pytest.MonkeyPatch, type_: str, port: int, silent: bool, likely: bool
) -> None:
    host = script(PROMPT)
    asked: list[tuple[float, bool]] = []

    def turn(_: TimeShares, now: float, seconds: float, likely_: bool, *__: bool) -> tuple[float, float]:
        asked.append((seconds, likely_))
        return 4.0, 2.5

    async def run() -> Report:
        async with Run(Settings(timeout=8.0, canary=False)) as run_:
            where = guessed(type_, port)
            memory = run_._ports.memory(where)
            memory.silent = silent
            report = await run_._climb(where, memory, Turn())
            assert isinstance(report, Report)
            return report

    monkeypatch.setattr(TimeShares, "turn", turn)
    asyncio.run(run())
    assert asked == [(8.0, likely)]
    probe = host.climbed[0]
    assert probe.deadline + probe.grace - probe.started == pytest.approx(4.0)
    assert probe._patience == 2.5


def test_a_named_type_has_all_the_time_and_no_less_patience(script: Scripted) -> None:
    host = script(PROMPT)
    report_of(timeout=8.0, canary=False)
    probe = host.climbed[0]
    assert probe.deadline + probe.grace - probe.started == pytest.approx(8.0)
    assert probe._patience is None


def test_a_type_is_climbed_as_it_is_on_its_port(script: Scripted) -> None:
    host = script(PROMPT)
    for port in (443, 80):
        report_of(target("console", "c.corp", port), canary=False)
    assert [probe.row.tls for probe in host.climbed] == [True, False]
