"""The ports of a broker are no other test's, though none of its programs listens there yet."""

from __future__ import annotations

import contextlib
import random
import sys

import pytest

from fixtures.fleet.rabbitmq import BrokerError, hold_ports

if sys.platform != "linux":
    pytest.skip("a socket without a file is Linux's", allow_module_level=True)


def test_a_held_port_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as held:
        few = hold_ports(3, held)
    monkeypatch.setattr(random.SystemRandom, "sample", lambda *_: few)
    with contextlib.ExitStack() as held:
        (port,) = hold_ports(1, held)
        with contextlib.ExitStack() as others:
            assert port not in hold_ports(1, others)
        with pytest.raises(BrokerError), contextlib.ExitStack() as others:
            hold_ports(3, others)
    with contextlib.ExitStack() as held:
        assert hold_ports(1, held) == [port]
