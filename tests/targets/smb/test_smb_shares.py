"""SMB after the login prompt: a login's result becomes checks, and the target of a DFS link is checked too.

The login itself (impacket) is replaced here; the lab tests it against real servers.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Server, in_background, misbehave, smb
from fixtures.emulators.smb import HEALTHY, OLD_SAMBA
from scanready.causes import common, nt
from scanready.climb.explain import Failure
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.targets.smb import login, netbios, shares
from scanready.targets.smb.login import Result, Where
from tests.ladder import account, check_of, climb, expect, finding_of, passed, target

ER = account("er")
ELSEWHERE = Failure(nt.ELSEWHERE, "the path is elsewhere")


@dataclass
class Visits:
    """Replace the login: give each visit its answer, and keep the place of each visit."""

    answers: list[Result | Failure]
    made: list[Where] = field(default_factory=list)

    def __call__(self, where: Where, credential: Credential, seconds: float) -> Result:
        self.made.append(where)
        where.trace.logons += 1
        answer = self.answers[len(self.made) - 1]
        if isinstance(answer, Failure):
            raise answer
        return answer


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Report, Visits]]:
    def run(
        *answers: Result | Failure,
        behaviour: Behaviour = smb.windows_2019,
        depth: Step = Step.ACCESS,
        **options: Any,
    ) -> tuple[Report, Visits]:
        visits = Visits(list(answers))
        monkeypatch.setattr(login, "visit", visits)
        with in_background(behaviour) as server:
            where = target("smb", "127.0.0.1", server.port, ER, **options)
            report = climb(where, depth=depth)
            server.wait(len(server.connections))
        assert report.footprint.login_attempts == len(visits.made)
        return report, visits

    return run


@contextlib.contextmanager
def behind_the_link(monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour | None) -> Iterator[Server | None]:
    """Play ``behaviour`` on port 445 of the servers behind the link; with None that port is closed."""
    with contextlib.ExitStack() as held:
        sock = held.enter_context(socket.socket())
        sock.bind(("127.0.0.1", 0))
        server = held.enter_context(in_background(behaviour)) if behaviour else None
        monkeypatch.setattr(shares, "DIRECT", server.port if server else sock.getsockname()[1])
        yield server


def test_scannable(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, visits = logged_in(
        Result(account="er", read="listed hr: 3 names", facts={"shares": ["hr"]}), share="hr", path="a/b"
    )
    expect(report, Verdict.SCANNABLE)
    passed(report, Step.HANDSHAKE, Step.AUTH, Step.LOGIN, Step.ACCESS)
    assert report.facts["shares"] == ["hr"]
    assert report.footprint.connections == 1
    (where,) = visits.made
    assert (where.host, where.address, where.share, where.path) == ("127.0.0.1", "127.0.0.1", "hr", "a/b")
    assert (where.dialect, where.called, where.server, where.domain) == (0x0311, None, "FS01", "CORP")
    assert (where.samba, where.encrypts) == (False, True)


def test_what_a_login_is_told_of_the_server(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, visits = logged_in(Result(account="er", read="x"), behaviour=smb.server(OLD_SAMBA))
    assert (visits.made[0].dialect, visits.made[0].samba, visits.made[0].server) == (0, True, "FS-SMB1")

    with in_background(smb.server(replace(HEALTHY, called=("LOCALHOST",)))) as server:
        monkeypatch.setattr(netbios, "SESSION_SERVICE", server.port)
        monkeypatch.setattr(netbios, "NAME_SERVICE", 9)
        visits = Visits([Result(account="er", read="x")])
        monkeypatch.setattr(login, "visit", visits)
        climb(target("smb", "localhost", server.port, ER))
    assert visits.made[0].called == "LOCALHOST"


def test_a_guest_is_a_false_success(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, _ = logged_in(Result(account="er", passwordless=True, read="listed public: 1 name"))
    expect(report, Verdict.LIMITED, "smb.guest", step=Step.LOGIN, owner=Owner.SERVER)
    passed(report, Step.ACCESS)


def test_a_refused_login(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, _ = logged_in(Failure(common.LOGIN_REFUSED, "er: no"))
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize(
    ("failure", "verdict", "code"),
    [
        (Failure(common.ACCESS_DENIED, "no"), Verdict.LIMITED, "access.denied"),
        (Failure(common.ACCESS_NOT_FOUND, "no such share"), Verdict.BLOCKED, "access.not-found"),
        (Failure(nt.NO_SHARE_NAMED, "none"), Verdict.UNDECIDED, "smb.no-share-named"),
        (ELSEWHERE, Verdict.UNDECIDED, "smb.dfs-elsewhere"),
    ],
)
def test_what_keeps_it_from_reading(
    logged_in: Callable[..., tuple[Report, Visits]], failure: Failure, verdict: Verdict, code: str
) -> None:
    report, _ = logged_in(Result(account="er", denied=failure))
    expect(report, verdict, code, step=Step.ACCESS)


# DFS ------------------------------------------------------------------------------------------------------------------

LINK = Result(account="er", denied=ELSEWHERE, referral=[r"\localhost\finance\2026"])


def test_a_link_is_followed_to_the_prompt_and_no_further(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with behind_the_link(monkeypatch, smb.samba) as server:
        report, visits = logged_in(LINK, share="namespace")
        assert server is not None
        server.wait()
    fix = "smb://localhost/finance?path=2026"
    expect(report, Verdict.UNDECIDED, "smb.dfs-elsewhere", step=Step.ACCESS, owner=Owner.OPERATOR, fix=fix)
    there = check_of(report, Step.HANDSHAKE)
    assert there.outcome is Outcome.PASSED
    assert there.endpoint == f"localhost:{server.port}"
    assert "speaks SMB 3.1.1; login prompt" in there.summary
    assert server.counts == {"negotiations": 1, "prompts": 1}
    assert len(visits.made) == 1, "nobody has named that server: it gets no credential"
    assert report.facts["server_name"] == "fs01.corp.example", "the facts are the target's"
    assert report.footprint.connections == 2


@pytest.mark.parametrize("behaviour", [None, misbehave.closes_at_once])
def test_a_link_that_leads_nowhere(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour | None
) -> None:
    with behind_the_link(monkeypatch, behaviour):
        report, visits = logged_in(LINK)
    expect(report, Verdict.BLOCKED, "smb.dfs-target-unreachable", step=Step.ACCESS, owner=Owner.NETWORK)
    assert "localhost" in check_of(report, Step.ACCESS).endpoint
    assert len(visits.made) == 1


def test_a_name_that_does_not_exist(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, _ = logged_in(replace(LINK, referral=[r"\no-such-host.invalid\finance"]))
    expect(report, Verdict.BLOCKED, "smb.dfs-target-unreachable", step=Step.ACCESS)


def test_one_replica_is_enough(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [r"\no-such-host.invalid\finance", r"\localhost\the share"]
    with behind_the_link(monkeypatch, smb.samba):
        report, _ = logged_in(replace(LINK, referral=places))
    expect(report, Verdict.UNDECIDED, "smb.dfs-elsewhere", fix="smb://localhost/the%20share")
    assert "no-such-host.invalid" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize("place", ["169.254.169.254", "2852039166", "::ffff:a9fe:a9fe", "fd00:ec2::254"])
def test_a_link_to_a_metadata_service_is_not_followed(
    logged_in: Callable[..., tuple[Report, Visits]], place: str
) -> None:
    report, _ = logged_in(replace(LINK, referral=[rf"\{place}\finance"]))
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.ACCESS)
    assert "nothing was sent there" in finding_of(report).detail
    assert report.footprint.connections == 1


def test_of_a_link_to_very_many_servers_a_few_are_asked(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, _ = logged_in(replace(LINK, referral=[rf"\no-such-host-{n}.invalid\finance" for n in range(1000)]))
    expect(report, Verdict.BLOCKED, "smb.dfs-target-unreachable", step=Step.ACCESS)
    asked = set(re.findall(r"no-such-host-\d+", finding_of(report).detail))
    assert len(asked) == shares._MOST_PLACES


def test_whoever_else_is_behind_the_link_has_its_own_cause(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with behind_the_link(monkeypatch, smb.host_denied):
        report, _ = logged_in(LINK)
    expect(report, Verdict.BLOCKED, "smb.host-denied", step=Step.ACCESS, owner=Owner.SERVER)
    with behind_the_link(monkeypatch, smb.MENU["too-many-sessions"]):
        report, _ = logged_in(LINK)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)


def test_kerberos_alone_behind_the_link(
    logged_in: Callable[..., tuple[Report, Visits]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with behind_the_link(monkeypatch, smb.kerberos_only):
        report, _ = logged_in(LINK)
    expect(report, Verdict.UNDECIDED, "smb.dfs-elsewhere", step=Step.ACCESS)
    assert "not NTLM" in check_of(report, Step.HANDSHAKE).summary


def test_a_lesser_depth_follows_nothing(logged_in: Callable[..., tuple[Report, Visits]]) -> None:
    report, visits = logged_in(LINK, depth=Step.LOGIN)
    passed(report, Step.LOGIN)
    assert (len(visits.made), report.footprint.connections) == (1, 1)
