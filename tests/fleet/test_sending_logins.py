"""The coordinator notes a login when it gives it to the broker: not before, and whatever becomes of it then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scanready.fleet.login_pass import UnderWay
from scanready.fleet.messages import Batch
from scanready.store import read_accounts
from tests.fleet.test_login_pass import ESTATE, LOGIN, Run, first_visit
from tests.fleet.test_login_pass import night as night  # a fixture

pytest.importorskip("celery")

from scanready.fleet.connection import Broker
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
