"""The coordinator notes a login when it gives it to the broker: not before, and whatever becomes of it then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from scanready.fleet.login_pass import UnderWay
from scanready.fleet.messages import Batch
from scanready.store import Account, journal, read_accounts
from scanready.store.database import open_for_writing
from tests.fleet.test_login_pass import ACCOUNT, ESTATE, LOGIN, Run, first_visit
from tests.fleet.test_login_pass import night as night  # a fixture

pytest.importorskip("celery")

import amqp

from scanready.fleet.connection import LOST, Broker
from scanready.fleet.coordinator import Coordinator
from scanready.fleet.outbox import Sent
from tests.fleet.test_coordinator import Outbox


class Sending:
    """A coordinator whose first visits are over, without a broker."""

    def __init__(self, run: Run) -> None:
        self.outbox, self.path, self.told = Outbox(), run.path, list[str]()
        places = {place for place, *_ in ESTATE.places()}
        broker = Broker("127.0.0.1", 1, "coordinator", "x", tls=False)
        tell, count = self.told.append, lambda _: None
        self.made = Coordinator(broker, ESTATE, run.ledger, places, tell, count, 60.0, LOGIN)
        self.made._outbox = self.outbox  # type: ignore[assignment]
        for place, target, agent in ESTATE.places():
            self.made.logins.add(place, first_visit(agent, target))

    def turn(self) -> int:
        """Let it send what it can; return the number of agents with a note of a login."""
        self.made._is_waiting()
        while self.made._send_some():
            pass
        return len(read_accounts(self.path, of_fleet=True))


@pytest.fixture
def sending(night: Callable[..., Run]) -> Sending:
    return Sending(night())


def test_a_login_is_not_noted_while_the_broker_takes_nothing(sending: Sending) -> None:
    sending.outbox.blocked = True
    assert sending.turn() == 0
    sending.outbox.blocked = False
    assert sending.turn() == 1
    assert sending.outbox.sent == ["a/login-1"]


def test_a_login_stays_noted_if_it_is_not_known_whether_the_broker_has_it(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: Batch) -> Sent:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(sending.outbox, "send", cut)
        with pytest.raises(ConnectionResetError):
            sending.turn()
    assert sending.turn() == 1
    assert sending.outbox.sent == ["a/login-1"], "it is sent again"


def open_logins(sending: Sending) -> int:
    """Return the number of logins whose outcome is not known to other runs."""
    return sum(len(record.logins) for record in read_accounts(sending.path, of_fleet=True))


def give(sending: Sending, monkeypatch: pytest.MonkeyPatch, answer: Sent | Exception) -> None:
    """Let it send what it can to a broker that answers so."""

    def send(_: Batch) -> Sent:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with monkeypatch.context() as patched, contextlib.suppress(*LOST):
        patched.setattr(sending.outbox, "send", send)
        sending.turn()


NOT_TAKEN: dict[str, Sent | Exception] = {
    "a full queue": Sent.FULL,
    "an alarm": Sent.BLOCKED,
    "no permission": amqp.exceptions.AccessRefused("access"),
    "no exchange": amqp.exceptions.NotFound("no exchange"),
    "a large message": amqp.exceptions.PreconditionFailed("size"),
}


@pytest.mark.parametrize("why", NOT_TAKEN)
def test_the_note_of_a_login_that_the_broker_has_not_taken_is_taken_back(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Else the account would be withheld for a day if the coordinator ended then."""
    give(sending, monkeypatch, NOT_TAKEN[why])
    assert open_logins(sending) == 0
    assert sending.made.ledger.logins() == []
    (batch,) = sending.made._unsent
    ((place, _),) = batch.targets
    assert not sending.made.logins.replaces(place, "a-0"), "it was not visited"
    sending.turn()
    assert (sending.outbox.sent, open_logins(sending)) == (["a/login-1"], 1)
    assert [name for name, *_ in sending.made.ledger.logins()] == ["a/login-1"]


@pytest.mark.parametrize("answer", [Sent.DOUBTFUL, ConnectionResetError("cut")], ids=["an alarm", "a cut"])
def test_a_note_stays_if_the_broker_may_have_the_login(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, answer: Sent | Exception
) -> None:
    give(sending, monkeypatch, answer)
    assert open_logins(sending) == 1
    give(sending, monkeypatch, Sent.FULL)
    assert open_logins(sending) == 1, "the first try may have reached the broker"


def test_another_agent_logs_in_if_the_first_one_is_lost_before_its_queue_has_room(sending: Sending) -> None:
    sending.outbox.full = {"a"}
    sending.turn()
    sending.made._lost.add("a")
    sending.turn()
    assert sending.outbox.sent == ["b/login-2"]


def test_what_was_known_before_stays_if_a_note_is_taken_back(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that an earlier run left open was made by then: it is still one without an outcome."""
    file = open_for_writing(sending.path)
    account = Account(ACCOUNT.name, ACCOUNT.username, ACCOUNT.authority, "", "a", "a")
    journal.begin(file, account, "h1", "h1:22", "2025-12-31T23:00:00.000Z", 99)
    file.close()
    give(sending, monkeypatch, Sent.FULL)
    (record,) = read_accounts(sending.path, of_fleet=True)
    (login,) = record.logins
    assert (login.event.when, login.tries, login.killed) == ("2025-12-31T23:00:00.000Z", 1, True)


def test_a_login_that_another_run_holds_up_holds_up_no_other_batch(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_: Batch) -> Batch:
        raise UnderWay("svc")

    with monkeypatch.context() as patched:
        patched.setattr(sending.made.logins, "leaving", wait)
        assert [sending.turn() for _ in range(3)] == [0, 0, 0]
        sending.made._unsent.append(next(ESTATE.batches("r")))
        sending.turn()
    assert sending.outbox.sent == ["a-0"]
    assert sending.told[1:] == ["another run has a login with svc under way: its outcome is awaited"]
    sending.turn()
    assert sending.outbox.sent == ["a-0", "a/login-1"]
