"""The turns of the batches in an agent's hands: bounded, fair to each run, and none waits for ever."""

from __future__ import annotations

from scanready.fleet.turns import Turns, Waiting


def begun(*batches: Waiting) -> list[bool]:
    return [one.has_begun for one in batches]


def test_batches_of_one_kind_go_together_up_to_the_most_climbs() -> None:
    turns = Turns(50)
    first, second, third = (turns.join("r", "kind", exclusive=False, climbs=25) for _ in range(3))
    turns.call()
    assert begun(first, second, third) == [True, True, False]
    turns.climbed(first, 24)
    assert not third.has_begun
    turns.climbed(first, 1)
    assert third.has_begun


def test_a_batch_with_more_climbs_than_the_most_goes_by_itself() -> None:
    turns = Turns(50)
    large = turns.join("r", "kind", exclusive=False, climbs=600)
    small = turns.join("r", "kind", exclusive=False, climbs=1)
    turns.call()
    assert begun(large, small) == [True, False]
    turns.leave(large)
    assert small.has_begun


def test_suspects_go_one_after_another() -> None:
    turns = Turns(50)
    suspects = [turns.join("r", "kind", exclusive=True, climbs=1) for _ in range(3)]
    other = turns.join("r", "kind", exclusive=False, climbs=1)
    turns.call()
    for number, one in enumerate(suspects):
        assert begun(*suspects, other) == [place <= number for place in range(3)] + [False]
        turns.leave(one)
    assert other.has_begun


def test_two_runs_with_other_settings_take_turns_with_all_their_batches() -> None:
    turns = Turns(1000)
    first = turns.join("a", "kind of a", exclusive=False, climbs=25)
    turns.call()
    others = [turns.join(run, f"kind of {run}", exclusive=False, climbs=25) for run in "babab"]
    turns.call()
    assert not any(begun(*others)), "what goes was there before another one waited"
    turns.leave(first)
    assert begun(*others) == [True, False, True, False, True]


def test_a_run_waits_for_one_turn_of_each_other_run() -> None:
    """A killed agent has many suspects of one run, and each is a turn of its own."""
    turns = Turns(1000)
    suspects = [turns.join("a", "kind", exclusive=True, climbs=25) for _ in range(40)]
    turns.call()
    late = turns.join("b", "kind", exclusive=False, climbs=25)
    turns.call()
    assert begun(suspects[0], late) == [True, False]
    turns.leave(suspects[0])
    assert begun(suspects[1], late) == [False, True]


def test_a_batch_that_is_given_up_holds_up_nothing() -> None:
    turns = Turns(1000)
    first = turns.join("a", "kind", exclusive=False, climbs=25)
    turns.call()
    waits = turns.join("a", "other", exclusive=False, climbs=25)
    later = turns.join("a", "kind", exclusive=False, climbs=25)
    turns.call()
    turns.leave(waits)
    assert begun(first, later) == [True, True]
