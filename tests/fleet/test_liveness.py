"""A run ends although messages were lost, and never while an agent works, however slowly."""

from __future__ import annotations

import pytest

pytest.importorskip("celery")

from scanready.fleet.liveness import CONFIRMING, IDLE, RUNS, STALL, Liveness, Verdict
from scanready.fleet.messages import MOST_SECONDS

BEAT = 10.0


class Watched:
    """One agent and its clock."""

    def __init__(self, *batches: str) -> None:
        self.now = 100.0
        self.liveness = Liveness()
        for batch in batches:
            self.liveness.sent("a", batch, self.now)

    def beats(self, seconds: float, waiting: int = 0, *, lists_run: bool = False, missing: int = 5) -> set[Verdict]:
        """Let the agent send heartbeats for so long; return the verdicts meanwhile."""
        found, until = set(), self.now + seconds
        while self.now < until:
            self.now += BEAT
            self.liveness.beat("a", "s1", lists_run=lists_run, now=self.now)
            asked = waiting if self.liveness.is_idle("a") else None
            found.add(self.liveness.look("a", self.now, missing, asked))
        return found


#: Longer than it takes to notice that batches are nowhere.
LONG = IDLE + CONFIRMING + 4 * BEAT


def test_a_batch_that_is_nowhere_is_sent_again_once_and_then_given_up() -> None:
    agent = Watched("b0", "b1")
    assert agent.beats(LONG) == {Verdict.WAIT, Verdict.AGAIN}
    agent.liveness.sent("a", "b0", agent.now)
    agent.liveness.sent("a", "b1", agent.now)
    assert agent.beats(IDLE) == {Verdict.WAIT}, "the second try has its own time"
    assert Verdict.GONE in agent.beats(LONG)
    agent.liveness.give_up("a")
    assert agent.beats(2 * STALL) == {Verdict.WAIT}


def test_a_later_batch_that_is_lost_has_a_second_try_of_its_own() -> None:
    agent = Watched("b0")
    agent.beats(LONG)
    agent.liveness.answered("a", "b0")
    agent.liveness.sent("a", "b1", agent.now)
    assert agent.beats(LONG) == {Verdict.WAIT, Verdict.AGAIN}


def test_a_batch_behind_those_of_other_runs_is_waited_for() -> None:
    """Its queue gets shorter, however slowly."""
    agent = Watched("b0")
    for waiting in range(20, 0, -1):
        assert agent.beats(STALL - 2 * BEAT, waiting) == {Verdict.WAIT}


def test_an_agent_that_works_slowly_is_waited_for() -> None:
    """It has batches of four runs in hand, and each takes all the time that it may take."""
    agent = Watched(*(f"b{number}" for number in range(8)))
    for number in range(8):
        assert agent.beats(RUNS * MOST_SECONDS, lists_run=True) == {Verdict.WAIT}
        agent.liveness.answered("a", f"b{number}")
    assert agent.beats(2 * STALL) == {Verdict.WAIT}


@pytest.mark.parametrize(("lists_run", "waiting"), [(True, 0), (False, 7)], ids=["in hand", "in the queue"])
def test_an_agent_that_hangs_is_given_up(lists_run: bool, waiting: int) -> None:
    agent = Watched("b0")
    assert agent.beats(STALL - BEAT, waiting, lists_run=lists_run) == {Verdict.WAIT}
    assert Verdict.STALLED in agent.beats(5 * BEAT, waiting, lists_run=lists_run)


def test_results_that_still_wait_at_the_broker_are_no_lost_batch() -> None:
    agent = Watched("b0")
    assert agent.beats(LONG, waiting=1) == {Verdict.WAIT}


def test_a_result_meanwhile_begins_the_time_anew() -> None:
    agent = Watched("b0")
    agent.beats(IDLE + BEAT, missing=5)
    assert agent.beats(BEAT, missing=4) == {Verdict.WAIT}
    assert agent.beats(CONFIRMING - BEAT, missing=4) == {Verdict.WAIT}


def test_silence_is_not_idleness() -> None:
    """The agent may be cut off: then it is lost, or it comes back with its batches."""
    agent = Watched("b0")
    agent.beats(BEAT)
    for _ in range(20):
        agent.now += BEAT
        assert not agent.liveness.is_idle("a")
        assert agent.liveness.look("a", agent.now, 5, None) is Verdict.WAIT


def test_a_time_in_which_nothing_could_be_heard_does_not_count() -> None:
    agent = Watched("b0")
    agent.beats(STALL - BEAT, lists_run=True)
    agent.liveness.pause(agent.now)
    assert agent.beats(STALL - BEAT, lists_run=True) == {Verdict.WAIT}
    agent.beats(IDLE)
    agent.liveness.pause(agent.now)
    assert agent.beats(IDLE) == {Verdict.WAIT}


def starts(*since: str) -> list[bool]:
    liveness = Liveness()
    return [liveness.beat("a", one, lists_run=True, now=float(at)) for at, one in enumerate(since)]


def test_two_processes_of_one_name_are_noticed_once() -> None:
    assert starts("s1", "s2", "s1", "s2", "s1") == [False, False, True, False, False]


def test_a_process_that_was_started_again_is_no_second_one() -> None:
    assert not any(starts("s1", "s1", "s2", "s2", "s3", "s3"))


def test_any_number_of_starts_is_remembered_in_little_room() -> None:
    liveness = Liveness()
    for number in range(10_000):
        liveness.beat("a", f"s{number}", lists_run=False, now=float(number))
    assert len(liveness._agents["a"].starts) < 100
