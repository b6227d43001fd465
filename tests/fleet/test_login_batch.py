"""An agent logs in for a coordinator: with its own secrets, noted before they leave, and never twice for one batch."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scanready.causes import common
from scanready.cli.fleet.agent import AsVerify
from scanready.climb.explain import Failure
from scanready.climb.guard import Attempt
from scanready.climb.journal import Effect
from scanready.fleet.account_book import AccountBook
from scanready.fleet.journal import Journal
from scanready.fleet.login_batch import LoginDesk, Prepared
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.messages import Batch, Login
from scanready.model import Credential, Step, Target

SECRET = "canary-" + "of-the-agent"
ASKED = Credential("svc", "scan", authority="corp")
LOGIN = Login(86_400.0)


class Host:
    """One agent's disk."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.warned = folder, list[str]()
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("HOME", str(folder))
        self.file = folder / "config" / "scanready" / "credentials.yaml"
        self.file.parent.mkdir(parents=True)
        self.write_secret(SECRET)
        self.write("svc: {username: scan, authority: corp, password: 'file:PASSWORD', hosts: [h1, h2, 10.0.0.0/8]}")

    def write(self, text: str, mode: int = 0o600) -> None:
        self.file.write_text(text.replace("PASSWORD", str(self.folder / "password")))
        self.file.chmod(mode)

    def write_secret(self, text: str, *, at: int = 1_700_000_000) -> None:
        path = self.folder / "password"
        path.write_text(text)
        path.chmod(0o600)
        os.utime(path, (at, at))

    def desk(self) -> LoginDesk:
        """A process of the agent."""
        book = AccountBook(self.folder / "runs.db", "proxy-a")
        return LoginDesk(Journal(self.folder / "a.db"), book, AsVerify(), self.warned.append)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def batch(*hosts: str, run: str = "r", name: str = "a-login-1", login: Login = LOGIN, **options: Any) -> Batch:
    targets = tuple((place, Target(one, "ssh", 22, options, ASKED)) for place, one in enumerate(hosts or ("h1",)))
    return Batch(run, name, "proxy-a", Step.ACCESS, 10.0, 60.0, targets, login)


def alone(*hosts: str, run: str = "r", name: str = "a-login-1") -> Batch:
    """Return a batch of an account whose authority is not written: each host judges it by itself."""
    made = batch(*hosts, run=run, name=name)
    account = Credential("svc", "scan")
    targets = tuple((place, dataclasses.replace(target, credential=account)) for place, target in made.targets)
    return dataclasses.replace(made, targets=targets)


def address(host: str) -> str:
    return f"10.0.0.{host.removeprefix('h')}"


class Killed(BaseException):
    """Ends a login as the end of the process does: nothing is concluded."""


def log_in(desk: LoginDesk, made: Prepared, failure: Failure | None = None, *, proof: bool = True) -> str:
    """Log in at each target, as the climb does; return the last cause."""
    found = ""

    async def climb() -> None:
        nonlocal found
        desk.enter(made.batch)
        for _, target in made.batch.targets:
            assert target.credential is not None
            where = target.host, f"{target.host}:22"
            try:
                async with made.guard.attempt(target.credential, *where, address=address(target.host)) as going:
                    answer(going, failure, proof=proof)
            except Failure as error:
                found = error.cause.code

    asyncio.run(climb())
    desk._logbook.records()  # all entries are written
    return found


def answer(going: Attempt, failure: Failure | None, *, proof: bool) -> None:
    going.noted, going.proof = True, proof
    if failure is not None:
        raise failure


def begin(desk: LoginDesk, made: Prepared) -> None:
    """Note a login whose process is killed before its end."""

    async def climb() -> None:
        desk.enter(made.batch)
        for _, target in made.batch.targets:
            assert target.credential is not None
            for name in (target.host, address(target.host)):
                await desk._logbook.intend(target.credential, name, f"{target.host}:22")

    asyncio.run(climb())


REFUSED = Failure(common.LOGIN_REFUSED, "no")
ENDS = {
    "accepted": (None, End.ACCEPTED),
    "refused": (REFUSED, End.REFUSED),
    "ambiguous": (Failure(common.LOGIN_REFUSED, "1045", refusal_ambiguous=True), End.AMBIGUOUS),
    "another refusal": (Failure(common.LOGIN_LOCKED, "locked"), End.REFUSED),
    "no answer": (Failure(common.OUT_OF_TIME, "silent"), End.UNKNOWN),
    "not judged": (Failure(common.LOGIN_NOT_JUDGED, "no"), End.NOT_SENT),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_end_is_that_of_the_guard(host: Host, name: str) -> None:
    failure, end = ENDS[name]
    desk = host.desk()
    made = desk.prepare(batch())
    assert made.batch.targets[0][1].credential == Credential("svc", "scan", SECRET, authority="corp")
    if end is End.UNKNOWN:
        begin(desk, made)
    else:
        log_in(desk, made, failure)
    (found,) = desk.ends(batch())
    assert (found.credential, found.host, found.end) == ("svc", "h1", end)
    assert (found.where == "h1:22") is (end is not End.NOT_SENT or name == "not judged")
    assert SECRET not in repr(found)


def test_a_server_that_lets_anybody_in_has_accepted_nothing(host: Host) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), proof=False)
    assert [one.end for one in desk.ends(batch())] == [End.NOT_SENT]


def test_a_login_is_told_once_by_the_name_of_its_target(host: Host) -> None:
    """A kill between the two notes of its end leaves that of the address open, which is no target."""
    desk, journal = host.desk(), Journal(host.folder / "a.db")
    for name in ("h1", "10.0.0.7"):
        journal.intend("r", "a-login-1", "svc", name, "h1:22")
    journal.conclude("r", "a-login-1", "svc", "h1", Effect.PROVEN.value)
    told = {(one.host, one.end) for one in desk.ends(batch("h1", "h2"))}
    assert told == {("h1", End.ACCEPTED), ("h2", End.NOT_SENT)}


def test_a_login_that_was_begun_by_a_killed_process_is_not_repeated(host: Host) -> None:
    desk = host.desk()
    begin(desk, desk.prepare(batch()))
    again = host.desk()
    made = again.prepare(batch())
    assert log_in(again, made) == "login.withheld"
    assert [one.end for one in again.ends(batch())] == [End.UNKNOWN]


@pytest.mark.parametrize("retried", ["", "svc", "*"])
def test_an_option_does_not_repeat_it_either(host: Host, retried: str) -> None:
    login = Login(86_400.0, retried)
    desk = host.desk()
    begin(desk, desk.prepare(batch("h1", "h2", login=login)))
    again = host.desk()
    assert log_in(again, again.prepare(batch("h1", "h2", login=login))) == "login.withheld"
    assert {one.end for one in again.ends(batch("h1", "h2", login=login))} == {End.UNKNOWN}


def test_a_refusal_that_was_not_reported_is_not_repeated(host: Host) -> None:
    login = Login(86_400.0, "*")
    desk = host.desk()
    log_in(desk, desk.prepare(batch(login=login)), REFUSED)
    again = host.desk()
    assert log_in(again, again.prepare(batch(login=login))) == "login.withheld"
    assert [one.end for one in again.ends(batch(login=login))] == [End.REFUSED]


def test_a_refusal_binds_the_next_run_and_the_whole_account(host: Host) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    for process in (desk, host.desk()):
        later = batch("h2", run=f"s{id(process)}")
        assert log_in(process, process.prepare(later)) == "login.withheld"
        (found,) = process.ends(later)
        assert (found.end, found.where) == (End.EARLIER, "h1:22")
        assert found.detail.startswith("h1:22 refused the credential 'svc' from the agent proxy-a on ")


def test_a_changed_file_is_a_new_secret(host: Host) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    host.write_secret(SECRET + "2", at=1_700_000_999)
    later = batch("h2", run="s")
    assert log_in(desk, desk.prepare(later)) == ""
    assert [one.end for one in desk.ends(later)] == [End.ACCEPTED]


def test_a_secret_that_changes_in_a_run_is_not_taken_for_the_accepted_one(host: Host) -> None:
    """Batches log in side by side by then, so a wrong one would be refused by many hosts before anybody knows."""
    desk = host.desk()
    log_in(desk, desk.prepare(batch()))
    host.write_secret(SECRET, at=1_700_000_999)
    assert log_in(desk, desk.prepare(batch("h2", name="again"))) == "", (
        "the file was written again, with the same secret"
    )
    host.write_secret(SECRET + "2", at=1_700_001_999)
    later = batch("h1", "h2", name="later")
    assert desk.prepare(later).batch.targets == ()
    found = desk.ends(later)
    assert {one.end for one in found} == {End.UNUSABLE}
    assert "another secret" in found[0].detail
    assert SECRET not in found[0].detail
    assert len(desk.prepare(batch("h2", run="s")).batch.targets) == 1, "a new run tries it"


def test_a_secret_that_no_server_accepted_may_be_corrected_in_a_run(host: Host) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), proof=False)
    host.write_secret(SECRET + "2", at=1_700_000_999)
    assert log_in(desk, desk.prepare(batch("h2", name="later"))) == ""


def test_of_two_runs_at_once_the_second_knows_the_refusal_of_the_first(host: Host) -> None:
    """Both batches were delivered before one of them had its turn."""
    desk = host.desk()
    one, other = desk.prepare(batch()), desk.prepare(batch(run="s"))
    assert log_in(desk, one, REFUSED) == "login.refused"
    assert log_in(desk, other) == "login.withheld"
    assert [end.end for end in desk.ends(batch(run="s"))] == [End.EARLIER]


@pytest.mark.parametrize("end", [End.EARLIER, End.UNABLE])
def test_why_no_login_was_made_is_told_again_when_the_answer_was_lost(host: Host, end: End) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    if end is End.UNABLE:
        host.write("other: {username: scan, password: 'env:X', hosts: [h1]}")
    later = batch(run="s")
    log_in(desk, desk.prepare(later))
    desk.keep_ends(later)
    told = desk.ends(later)
    assert [one.end for one in told] == [end]
    assert desk.ends(later) == host.desk().ends(later) == told


def test_retry_refused_permits_one_try(host: Host) -> None:
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    later = batch("h2", run="s", login=Login(86_400.0, "svc"))
    assert log_in(desk, desk.prepare(later), REFUSED) == "login.refused"
    assert [one.end for one in desk.ends(later)] == [End.REFUSED]


SECONDS = 3600.0


def held(*hosts: str, own: bool = False, run: str = "s", name: str = "a") -> Batch:
    """Return a batch of an account that was refused an hour ago."""
    return batch(*hosts, run=run, name=name, login=Login(86_400.0, age=SECONDS, own=own))


def test_a_secret_that_is_not_newer_than_a_refusal_is_not_sent(host: Host) -> None:
    desk = host.desk()
    assert desk.prepare(held("h1", "h2")).batch.targets == ()
    assert desk.ends(held("h1", "h2")) == tuple(LoginEnd("svc", name, End.HELD) for name in ("h1", "h2"))


@pytest.mark.parametrize(
    ("age", "is_sent"), [(0.5, True), (2.0, False), (-0.5, False)], ids=["written since", "before", "in the future"]
)
def test_a_file_that_was_written_since_a_refusal_has_a_newer_secret(host: Host, age: float, *, is_sent: bool) -> None:
    host.write_secret(SECRET, at=int(time.time() - age * SECONDS))
    assert bool(host.desk().prepare(held()).batch.targets) is is_sent


def test_a_secret_without_a_file_is_not_newer(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", SECRET)
    host.write("svc: {username: scan, authority: corp, password: 'env:PW', hosts: [h1, h2]}")
    assert host.desk().prepare(held()).batch.targets == ()


def test_of_its_own_login_the_journal_of_the_agent_knows_more(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coordinator that was killed knows of a login, and not of its end; and it sees no change of a reference."""
    desk = host.desk()
    assert desk.prepare(held(own=True)).batch.targets == (), "the journal was lost"
    log_in(desk, desk.prepare(batch()))
    assert len(desk.prepare(held(own=True, name="b")).batch.targets) == 1, "it was accepted"
    assert desk.prepare(held(name="c")).batch.targets == (), "another agent was refused"
    log_in(desk, desk.prepare(batch("h2", name="d")), REFUSED)
    assert desk.prepare(held(own=True, run="t")).batch.targets == ()
    monkeypatch.setenv("PW", SECRET)
    host.write("svc: {username: scan, authority: corp, password: 'env:PW', hosts: [h1, h2]}")
    assert len(desk.prepare(held(own=True, run="u")).batch.targets) == 1, "another reference is a new secret"


def keep_in_a_variable(host: Host, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Let the secret come from where a new value has the same reference, as in a key ring."""
    monkeypatch.setenv("PW", value)
    host.write("svc: {username: scan, authority: corp, password: 'env:PW', hosts: [h1, h2]}")


def test_a_process_that_was_refused_sees_another_value_of_the_same_reference(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_in_a_variable(host, monkeypatch, SECRET)
    desk = host.desk()
    assert log_in(desk, desk.prepare(batch()), REFUSED) == "login.refused"
    assert desk.prepare(held(own=True, name="a")).batch.targets == (), "it is the same secret"
    assert host.desk().prepare(held(own=True, name="b")).batch.targets == (), "another process does not know"
    monkeypatch.setenv("PW", SECRET + "2")
    assert host.desk().prepare(held(own=True, name="c")).batch.targets == ()
    again = held(own=True, run="t")
    assert log_in(desk, desk.prepare(again)) == ""
    assert [one.end for one in desk.ends(again)] == [End.ACCEPTED]


def test_the_value_that_was_refused_is_known_without_a_look_in_between(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key ring was corrected before the next run: the agent has not looked it up since the refusal."""
    keep_in_a_variable(host, monkeypatch, SECRET)
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    monkeypatch.setenv("PW", SECRET + "2")
    shortly_after = Login(86_400.0, age=1e-6, own=True)
    assert len(desk.prepare(batch(run="t", login=shortly_after)).batch.targets) == 1


def test_another_value_that_is_refused_as_well_binds_in_its_turn(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_in_a_variable(host, monkeypatch, SECRET)
    desk = host.desk()
    log_in(desk, desk.prepare(batch()), REFUSED)
    monkeypatch.setenv("PW", SECRET + "2")
    log_in(desk, desk.prepare(held(own=True, run="t")), REFUSED)
    assert desk.prepare(held(own=True, run="u")).batch.targets == ()
    assert log_in(desk, desk.prepare(batch(run="v")), REFUSED) == "login.withheld", "no coordinator knows of it"
    (record,) = desk._logbook.records()
    assert record.refusals == 2


def test_a_value_that_changes_after_the_refusal_of_another_agent_is_newer(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent held the secret back, and looked it up for that: it was the old one after the refusal."""
    keep_in_a_variable(host, monkeypatch, SECRET)
    desk = host.desk()
    assert desk.prepare(held()).batch.targets == ()
    monkeypatch.setenv("PW", SECRET + "2")
    assert len(desk.prepare(held(run="t")).batch.targets) == 1
    late = batch(run="u", login=Login(86_400.0, age=0.000001))
    assert desk.prepare(late).batch.targets == (), "the refusal came after this secret was set"


def test_a_value_that_was_changed_before_the_refusal_is_not_newer_though_the_clock_was_set_back(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_in_a_variable(host, monkeypatch, SECRET)
    desk = host.desk()
    assert desk.prepare(held()).batch.targets == ()
    monkeypatch.setenv("PW", SECRET + "2")
    desk.prepare(held(run="t"))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    late = batch(run="u", login=Login(86_400.0, age=0.000001))
    assert desk.prepare(late).batch.targets == ()


def test_an_agent_that_is_restarted_knows_that_its_secret_was_accepted(host: Host) -> None:
    """Without that, the refusal of a host that does not know the account is taken for one of the account."""
    host.write("svc: {username: scan, password: 'file:PASSWORD', hosts: [h1, h2, h3]}")
    desk = host.desk()
    assert log_in(desk, desk.prepare(alone("h1"))) == ""
    again = host.desk()
    assert log_in(again, again.prepare(alone("h2", name="b")), REFUSED) == "login.refused"
    assert [one.end for one in again.ends(alone("h2", name="b"))] == [End.REFUSED_HERE]
    assert log_in(again, again.prepare(alone("h3", name="c"))) == "", "a later host is not blocked"
    (record,) = again._logbook.records()
    assert record.refusals == 0


def test_an_agent_that_is_restarted_has_the_proof_of_this_run_only(host: Host) -> None:
    host.write("svc: {username: scan, password: 'file:PASSWORD', hosts: [h1, h2, h3]}")
    desk = host.desk()
    log_in(desk, desk.prepare(alone("h1")))
    again = host.desk()
    log_in(again, again.prepare(alone("h2", run="s")), REFUSED)
    assert [one.end for one in again.ends(alone("h2", run="s"))] == [End.REFUSED]


def test_a_file_that_was_written_while_the_agent_was_restarted_is_not_sent_in_that_run(host: Host) -> None:
    host.write("svc: {username: scan, password: 'file:PASSWORD', hosts: [h1, h2, h3]}")
    desk = host.desk()
    log_in(desk, desk.prepare(alone("h1")))
    host.write_secret(SECRET + "2", at=1_700_000_999)
    again = host.desk()
    assert again.prepare(alone("h2", name="b")).batch.targets == ()
    (found,) = again.ends(alone("h2", name="b"))
    assert (found.end, "was written again after its secret was accepted" in found.detail) == (End.UNUSABLE, True)
    assert len(again.prepare(alone("h2", run="s")).batch.targets) == 1, "a new run tries it"


DENIED = {
    "none of this name": ("other: {username: scan, password: 'env:X', hosts: [h1]}", End.UNABLE, "no credential"),
    "not at this host": ("svc: {authority: corp, password: 'file:PASSWORD', hosts: [h9]}", End.NOT_PERMITTED, "permit"),
    "another account": ("svc: {username: root, password: 'file:PASSWORD', hosts: [h1]}", End.UNABLE, "another account"),
    "a prompt": ("svc: {authority: corp, password: 'prompt:', hosts: [h1]}", End.UNABLE, "which a fleet agent"),
    "no such file": ("svc: {authority: corp, password: 'file:/nowhere/x', hosts: [h1]}", End.UNUSABLE, "nowhere"),
    "no YAML": ("svc: [", End.UNUSABLE, "credentials.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("name", DENIED)
def test_a_login_that_is_not_possible_is_told(host: Host, name: str) -> None:
    text, end, words = DENIED[name]
    host.write(text)
    desk = host.desk()
    made = desk.prepare(batch())
    assert made.batch.targets == ()
    (found,) = desk.ends(batch())
    assert found.end is end
    assert words in found.detail


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_others_can_read_is_told_in_one_line(host: Host) -> None:
    host.file.chmod(0o644)
    desk = host.desk()
    assert desk.prepare(batch("h1", "h2")).batch.targets == ()
    found = desk.ends(batch("h1", "h2"))
    assert {one.end for one in found} == {End.UNUSABLE}
    assert "chmod 600" in found[0].detail
    assert len(host.warned) == 1
    assert "\n" not in host.warned[0]
    host.file.chmod(0o600)
    assert len(desk.prepare(batch("h1", name="b")).batch.targets) == 1, "the file is read again for each batch"


def test_a_redirect_leads_no_secret_to_a_host_that_the_file_does_not_permit(host: Host) -> None:
    desk = host.desk()
    assert len(desk.prepare(batch(follow_redirects="h2,10.1.2.3")).batch.targets) == 1
    assert desk.prepare(batch(follow_redirects="h2,evil", name="b")).batch.targets == ()


def test_a_batch_that_was_not_prepared_sent_nothing(host: Host) -> None:
    assert host.desk().ends(batch()) == (LoginEnd("svc", "h1", End.NOT_SENT),)


def test_a_secret_is_masked_in_the_words_of_an_error(host: Host) -> None:
    desk = host.desk()
    desk.prepare(batch())
    assert SECRET not in desk.masked(batch(), f"ValueError: {SECRET}")
