"""Targets that meet on a port share its memory, in rounds of a few targets and of many."""

from __future__ import annotations

import itertools
import random

import pytest

from scanready.model import Target
from scanready.run import ports
from scanready.run.ports import Ports


def targets(count: int, hosts: int) -> list[Target]:
    chance = random.Random(count)
    return [
        Target(host=f"10.0.{number >> 8}.{number & 255}", type=kind, port=22)
        for number, kind in zip(
            (chance.randrange(hosts) for _ in range(count)), itertools.cycle(("ssh", "smb", "imap")), strict=False
        )
    ]


@pytest.mark.parametrize("count", [10, ports._MANY, 3 * ports._MANY], ids=["few", "at the bound", "many"])
def test_those_of_a_port_share_its_memory_and_others_are_alone(count: int) -> None:
    round_, known = targets(count, count), Ports()
    known.expect(round_)
    of_port: dict[tuple[str, int], list[object]] = {}
    for target in round_:
        memory = known.memory(target)
        before = of_port.setdefault(target.endpoint, [])
        assert all(one is memory for one in before)
        before.append(memory)
        assert memory.alone == (sum(one.endpoint == target.endpoint for one in round_) == 1)
    assert len(of_port) < count, "some meet"
    assert not known._left
    assert not known._shared


def test_rounds_at_the_same_time_share_a_port() -> None:
    first, second, known = (
        Target(host="10.0.0.1", type="ssh", port=22),
        Target(host="10.0.0.1", type="ssh", port=22),
        Ports(),
    )
    known.expect([first])
    known.expect([second])
    assert known.memory(first) is known.memory(second)


def test_a_large_round_takes_no_room_for_ports_of_one_target() -> None:
    many = [Target(host=f"10.1.{number >> 8}.{number & 255}", type="ssh", port=22) for number in range(5000)]
    known = Ports()
    known.expect([*many, many[7]])
    assert dict(known._left) == {many[7].endpoint: 2}


def test_a_target_that_no_round_has_announced_is_alone() -> None:
    known = Ports()
    assert known.memory(Target(host="10.0.0.1", type="ssh", port=22)).alone
    assert not known._left
