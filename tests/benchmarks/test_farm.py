"""The farm must say what real servers said, or the benchmark measures nothing."""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

if sys.platform != "linux":
    pytest.skip("the farm needs epoll and all of 127/8", allow_module_level=True)

from benchmarks.prober import SCRIPTS, probe
from benchmarks.run import farm, inventory


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--delay", "0.02"]])
def test_every_exchange_is_octet_for_octet(options: list[str]) -> None:
    with farm(*options) as running:
        score = probe(running.ports, 100 * len(SCRIPTS))
    assert score.finished == dict.fromkeys(SCRIPTS, 100)
    assert score.wrong == {}
    assert running.broken_off == 0


def test_answers_are_held_back() -> None:
    with farm("--delay", "0.05") as running, socket.create_connection(("127.9.9.9", running.ports["ssh"]), 5) as client:
        began = time.monotonic()
        assert client.recv(4) == b"SSH-"
        assert time.monotonic() - began >= 0.04


def test_silence_is_silent_and_a_hang_up_is_counted() -> None:
    with farm("--silent") as running, socket.create_connection(("127.9.9.9", running.ports["http"]), 5) as client:
        client.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.close()
    assert running.broken_off == 1


def test_the_farm_is_not_open_to_the_world() -> None:
    """It listens on every loopback address and on no other interface."""
    with farm() as running:
        listening = Path("/proc/net/tcp").read_text()
        port = running.ports["ssh"]
        assert f":{port:04X} 00000000:0000 0A" in listening
        outside = socket.gethostbyname_ex(socket.gethostname())[2]
        for address in outside:
            if not address.startswith("127."):
                with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
                    socket.create_connection((address, port), 1)


def test_the_inventory_spreads_the_types(tmp_path: Path) -> None:
    inventory(tmp_path / "i.yaml", dict.fromkeys(SCRIPTS, 4711), 200 * len(SCRIPTS))
    targets = YAML(typ="safe").load(tmp_path / "i.yaml")["targets"]
    assert Counter({target["type"]: len(target["hosts"]) for target in targets}) == dict.fromkeys(SCRIPTS, 200)
    assert len({host for target in targets for host in target["hosts"]}) == 200 * len(SCRIPTS)
