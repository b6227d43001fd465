"""The kernel's answers about routes and neighbours: against ip(8), recorded ones, and spoiled ones."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given

from scanready.net import neighbours, rtnetlink
from scanready.net.rtnetlink import Neighbour, Route
from scanready.wire.buffer import WireError
from tests.wire import fuzz

#: As Linux 6.1 answered on a little-endian machine: the route by a gateway, and an entry that was just resolved.
ROUTE = bytes.fromhex(
    "7000000018000000010000008821000002200000fe0000010002000008000f00fe0000000800010001010101080004000400000008000700c0"
    "00020208000500c0000201080019000000000024000c000200000085d45b00000000000000000000000000000000000000000000000000"
)
ENTRY = bytes.fromhex(
    "4c0000001c00000001000000a3210000020000000200000002000001080001000a4d00010a000200a24cd471300b0000080004000400000014"
    "00030004000000040000000400000002000000"
)
#: The kernel's error: it has no such entry.
REFUSED = bytes.fromhex(
    "380000000200000001000000a3210000feffffff240000001e0001000100000000000000020000000200000000000000080001000a4d0009"
)


def test_recorded_answers() -> None:
    assert rtnetlink.route_answer(ROUTE) == Route(4, "192.0.2.1")
    assert rtnetlink.neighbour_answer(ENTRY) == Neighbour(True, False, "a2:4c:d4:71:30:0b")


@pytest.mark.parametrize(
    ("state", "reachable", "silent"),
    [
        (0x01, False, True),  # incomplete
        (0x02, True, False),  # reachable
        (0x04, False, False),  # stale
        (0x08, False, False),  # delay
        (0x10, False, False),  # probe
        (0x20, False, True),  # failed
        (0x40, False, False),  # no ARP
        (0x80, False, False),  # permanent
    ],
)
def test_an_old_entry_proves_neither(state: int, reachable: bool, silent: bool) -> None:
    entry = rtnetlink.neighbour_answer(ENTRY[:24] + state.to_bytes(2, sys.byteorder) + ENTRY[26:])
    assert entry is not None
    assert (entry.reachable, entry.silent) == (reachable, silent)


@pytest.mark.parametrize("read", [rtnetlink.route_answer, rtnetlink.neighbour_answer])
def test_what_the_kernel_refuses_is_not_known(read: Any) -> None:
    assert read(REFUSED) is None


@pytest.mark.parametrize("read", [rtnetlink.route_answer, rtnetlink.neighbour_answer])
@pytest.mark.parametrize("message", [ROUTE, ENTRY])
def test_an_answer_that_is_cut_off_is_refused(read: Any, message: bytes) -> None:
    for length in range(len(message)):
        with pytest.raises(WireError):
            read(message[:length])


@given(fuzz.hostile(ROUTE, ENTRY, REFUSED))
def test_nothing_but_its_own_error_escapes(data: bytes) -> None:
    for read in (rtnetlink.route_answer, rtnetlink.neighbour_answer):
        with contextlib.suppress(WireError):
            read(data)


@pytest.mark.parametrize("request_of", [rtnetlink.route_request, lambda text: rtnetlink.neighbour_request(text, 1)])
def test_only_addresses_can_be_asked_for(request_of: Any) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        request_of("db7.corp")


@pytest.mark.posix("only Linux has rtnetlink, and ip(8)")
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1", "::1"])
def test_the_route_is_that_of_ip(address: str) -> None:
    done = subprocess.run(["ip", "-j", "route", "get", address], capture_output=True, text=True, check=False)
    theirs = json.loads(done.stdout)[0] if done.returncode == 0 and done.stdout.strip() else None
    ours = neighbours._asked(rtnetlink.route_request(address), rtnetlink.route_answer)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert ours.gateway == theirs.get("gateway", "")
        assert not ours.gateway or ipaddress.ip_address(ours.gateway)
