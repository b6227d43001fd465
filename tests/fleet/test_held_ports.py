"""The ports of a broker are no other test's, though none of its programs listens there yet."""

from __future__ import annotations

import contextlib
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.fleet.brokered import Brokered
from fixtures.fleet.rabbitmq import BrokerError, RabbitMq, hold_ports

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


def test_an_estate_with_a_broker_gives_its_ports_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RabbitMq, "start", lambda _: None)
    monkeypatch.setattr(RabbitMq, "_within", lambda *_: ["true"])
    estate: Any = SimpleNamespace(agents={}, lab=SimpleNamespace(host=lambda _: None))
    brokered = Brokered(estate, tmp_path)
    own = [brokered.broker.port, brokered.broker.tls_port]
    monkeypatch.setattr(random.SystemRandom, "sample", lambda *_: own)
    with brokered, pytest.raises(BrokerError), contextlib.ExitStack() as others:
        hold_ports(2, others)
    with contextlib.ExitStack() as others:
        assert hold_ports(2, others) == own
