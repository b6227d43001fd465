"""A login binds others from the moment at which the broker gets it, and runs at the same time know of each other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanready.fleet.ledger import Ledger
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.login_pass import UnderWay, login_of
from scanready.fleet.messages import Batch
from scanready.store import read_accounts
from tests.fleet.test_login_pass import LOGIN, Run, end_of, ended, one, sent
from tests.fleet.test_login_pass import night as night  # a fixture

Night = Callable[..., Run]


@pytest.fixture
def beside(night: Night, monkeypatch: pytest.MonkeyPatch) -> Night:
    """Start runs that go on at the same time: locks of one process do not exclude each other."""
    monkeypatch.setattr(Ledger, "is_going", lambda self, run: run != self.number)
    return night


def test_a_login_that_the_broker_never_got_binds_nobody(night: Night) -> None:
    run = night("a")
    (batch,) = run.logins.batches([])
    assert read_accounts(run.path, of_fleet=True) == []
    assert one(night("b").logins).login == LOGIN
    assert run.again().batches([]) != [], "the run that goes on makes it then"
    assert batch.login == LOGIN


def test_a_login_that_the_broker_may_have_binds_the_next_run(night: Night) -> None:
    run = night("a")
    assert one(run.logins).agent == "a"
    held = one(night("b").logins).login
    assert held is not None
    assert held.age is not None


def test_an_agent_that_is_lost_before_it_gets_the_first_login_holds_up_nobody(night: Night) -> None:
    run = night("a", "b")
    (batch,) = run.logins.batches([])
    assert batch.agent == "a"
    (other,) = run.logins.batches(["a"])
    assert other.agent == "b"
    assert run.logins.leaving(batch) is None
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    assert run.logins.waits_for("b"), "nobody answers for a login that was not given to it"
    assert run.logins.leaving(other) == other
    run.logins.take(ended(other, end_of(other, End.ACCEPTED)))
    assert {one.agent for one in sent(run.logins)} == {"b", "a"}, "it is back, and has its turn"


def test_what_was_not_sent_keeps_its_first_result(night: Night) -> None:
    run = night("a")
    run.logins.batches([])
    run.logins.batches(["a"])
    run.logins.finish()
    assert run.results()["h1", "a"] == ("ready", "", "no login was made: the agent a is lost")


def test_an_answer_to_a_login_that_was_not_sent_changes_nothing(night: Night) -> None:
    run = night("a")
    (batch,) = run.logins.batches([])
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    run.logins.give_up(batch.batch, "a")
    assert run.logins.leaving(batch) == batch
    assert run.logins.waits_for("a")


def test_of_two_runs_at_once_the_second_waits_for_the_first_login_of_the_other(beside: Night) -> None:
    """They have other agents, so none of these knows what became of the other one's login."""
    first, second = beside("a"), beside("b")
    going, waiting = one(first.logins), second.logins.batches([])
    for _ in range(2):
        with pytest.raises(UnderWay, match="svc"):
            second.logins.leaving(waiting[0])
    first.logins.take(ended(going, end_of(going, End.ACCEPTED)))
    found = second.logins.leaving(waiting[0])
    assert found is not None
    assert found.login == LOGIN


@pytest.mark.parametrize("retried", ["", "svc", "*"], ids=["none", "this one", "all"])
def test_of_two_runs_at_once_the_second_knows_the_refusal_of_the_first(beside: Night, retried: str) -> None:
    """``--retry-refused`` permits one try after an earlier refusal: not after one that comes meanwhile."""
    login = login_of(86_400.0, retried)
    first, second = beside("a"), beside("b", login=login)
    (waiting,) = second.logins.batches([])
    assert waiting.login == login
    going = one(first.logins)
    first.logins.take(ended(going, end_of(going, End.REFUSED)))
    held = second.logins.leaving(waiting)
    assert held is not None
    assert held.login is not None
    assert held.login.age is not None
    second.logins.take(ended(held, end_of(held, End.HELD)))
    assert second.logins.batches([]) == []
    for verdict, cause, words in second.results().values():
        assert (verdict, cause) == ("undecided", "login.withheld")
        assert words.startswith("h1:22 refused the credential 'svc' from the agent a on ")


def test_a_refusal_of_another_run_ends_the_logins_of_a_proven_account(beside: Night) -> None:
    """The inventory names the authority: one refusal counts everywhere."""
    first, second = beside("a"), beside("b")
    batch = one(second.logins)
    second.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    going = one(first.logins)
    first.logins.take(ended(going, end_of(going, End.REFUSED)))
    (held,) = sent(second.logins)
    assert held.login is not None
    assert held.login.age is not None


def test_runs_at_once_with_a_right_secret_do_not_wait_for_each_other(beside: Night) -> None:
    runs = [beside("a"), beside("b")]
    for run in runs:
        batch = one(run.logins)
        run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    flight = [(run, batch) for run in runs for batch in sent(run.logins)]
    assert [(batch.agent, batch.login) for _, batch in flight] == [("a", LOGIN), ("b", LOGIN)]
    for run, batch in flight:
        run.logins.take(ended(batch, *accepted(batch)))
        assert not run.logins.unfinished


def accepted(batch: Batch) -> list[LoginEnd]:
    return [LoginEnd("svc", target.host, End.ACCEPTED, f"{target.host}:22") for _, target in batch.targets]


def test_the_other_run_is_one_of_another_process(tmp_path: Path) -> None:
    """A login that a killed run left open is not awaited: its coordinator is gone."""
    with contextlib.ExitStack() as opened:
        runs: list[Any] = []
        for agent in ("a", "b"):
            runs.append(Run(tmp_path, agent))
            opened.enter_context(runs[-1].ledger)
        one(runs[0].logins)
        held = one(runs[1].logins).login
        assert held is not None
        assert held.age is not None
