"""The vendor's driver reads the emulated configuration and goes on to its security layer. Opt-in: 120 MB of wheel.

How far that is proof: the configuration, with its versions and ports. A logon is TDGSS, which nobody emulates here.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, teradata
from scanready.explain import Failure
from scanready.logins.teradata import visit
from scanready.model import Verdict
from tests.climb import account, climb, story, target

driver: Any = pytest.importorskip("teradatasql", reason="the driver is opt-in: pip install 'scanready[teradata]'")


def said_of(behaviour: Behaviour) -> str:
    with in_background(behaviour) as server:
        where = {"host": "127.0.0.1", "dbs_port": str(server.port), "cop": "false", "sslmode": "DISABLE"}
        with pytest.raises(driver.Error) as caught:
            driver.connect(user="er", password="x", logon_timeout="3", connect_timeout="3000", **where)
        assert server.counts["configurations"] >= 1
    return str(caught.value)


@pytest.mark.parametrize("answer", [teradata.CONFIGURATION, teradata.HTTPS_ONLY])
def test_the_driver_reads_our_configuration_and_goes_on(answer: bytes) -> None:
    assert "[Teradata Security]" in said_of(teradata.server(answer))


def test_the_driver_misses_the_configuration_in_our_error() -> None:
    assert "did not provide the expected Config Response" in said_of(teradata.server(teradata.ERROR))


def test_a_silent_server_costs_no_more_than_the_deadline() -> None:
    with in_background(misbehave.silent) as server:
        begun = time.monotonic()
        with pytest.raises((Failure, TimeoutError)):
            visit("127.0.0.1", server.port, None, account("er"), 3.0)
        assert time.monotonic() - begun < 4


def test_our_climb_with_a_gateway_silent_at_the_logon() -> None:
    """The driver reads the configuration, begins its security talk, and waits; nothing that it sent is the password."""
    with in_background(teradata.gateway) as server:
        report = climb(target("teradata", "127.0.0.1", server.port, account("er")), timeout=4.0)
        sent = b"".join(record.received for record in server.connections)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.finding is not None
    assert report.finding.cause.code in ("scanready.out-of-time", "scanready.limit"), story(report)
    assert report.seconds < 5
    assert report.footprint.login_attempts == 1
    assert not [word for word in (b"Passw0rd!", "Passw0rd!".encode("utf-16-le")) if word in sent]
