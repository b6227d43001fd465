"""Bound what a target costs, counted: CPU time depends on the machine and on its other work, these figures do not."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter

import pytest

if sys.platform != "linux":
    pytest.skip("the farm needs epoll and all of 127/8", allow_module_level=True)

from benchmarks.cost import FEW, MANY, calls_of_targets, each, start_of, system_calls_of_targets

#: Calls of the package's functions, and system calls, for each target of the farm; 3 % more are allowed.
CALLS, SYSTEM_CALLS, ALLOWED = 561.1, 15.44, 1.03
#: Modules and data classes before the first packet; 3 % more are allowed. Each data class is compiled at each start.
START = {
    "check": {"modules": 197, "data classes": 58},
    "verify": {"modules": 208, "data classes": 69},
}


def _demand_within(counts: Counter[str], measured: float, name: str) -> None:
    most = measured * ALLOWED
    largest = "\n".join(f"{number / (MANY - FEW):8.2f}  {what}" for what, number in counts.most_common(30))
    assert each(counts) <= most, (
        f"a target costs {each(counts):.2f} {name} where {measured:.2f} were measured and {most:.2f} are allowed.\n"
        f"Compare `python -m benchmarks.cost` with the same of the commit before, to see which grew. If a target must "
        f"cost that, set the constant in {__file__} to {each(counts):.2f} and say why in the commit. The largest:\n"
        f"{largest}"
    )
    assert each(counts) >= measured / ALLOWED, (
        f"a target costs only {each(counts):.2f} {name}: set the constant in {__file__}, so that it stays so"
    )


def test_the_calls_of_a_target_do_not_grow() -> None:
    _demand_within(calls_of_targets(), CALLS, "calls")


def test_the_system_calls_of_a_target_do_not_grow() -> None:
    if shutil.which("strace") is None:
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail("strace is not installed: script/lab-packages lists it")
        pytest.skip("strace is not installed (sudo apt-get install strace)")
    _demand_within(system_calls_of_targets(), SYSTEM_CALLS, "system calls")


@pytest.mark.parametrize("command", START)
def test_the_first_packet_waits_for_no_more_than_before(command: str) -> None:
    found = start_of(command)
    assert found.keys() == START[command].keys()
    grown = {what: number for what, number in found.items() if number > START[command][what] * ALLOWED}
    assert not grown, (
        f"{command} loads {dict(found)} before its first packet, where {START[command]} were measured. Import where it "
        f"is needed what no packet waits for; `python -X importtime -m scanready {command} ...` lists the modules. If "
        f"the first packet must wait for it, set the constant in {__file__} and say why in the commit."
    )
    fewer = {what: number for what, number in found.items() if number < START[command][what] / ALLOWED}
    assert not fewer, f"{command} loads only {dict(found)}: set the constant in {__file__}, so that it stays so"
