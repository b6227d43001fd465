"""A server that ends the TLS handshake and says nothing in it is reachable: the network has no part in its silence."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.causes import common
from scanready.model import Owner, Step, Verdict
from tests.ladder import WAIT, climb, expect, finding_of, passed, target

SILENT = "TLS works, but the server sent no data over it before the time limit"
#: Types that begin with TLS, and the options that make others do so.
TYPES: dict[str, dict[str, Any]] = {
    "imaps": {},
    "https": {},
    "ews": {},
    "db2": {"tls": True},
    "oracle": {"tls": True, "service": "ORCL"},
    "informix": {"tls": True, "allow_login_probe": True},
}


@pytest.mark.parametrize("type_", TYPES)
def test_silence_after_the_handshake_of_tls_is_the_servers(type_: str) -> None:
    with in_background(misbehave.silent, tls=authority().context()) as server:
        where = target(type_, "127.0.0.1", server.port, **TYPES[type_])
        report = climb(where, timeout=WAIT, ca_file=str(authority().ca_file))
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert finding_of(report).detail == SILENT
    passed(report, Step.TLS)


@pytest.mark.parametrize("type_", ["imaps", "https", "db2"])
def test_a_hang_up_after_the_handshake_of_tls_is_told_as_one(type_: str) -> None:
    """It said nothing of the protocol, and it spoke: no advice but a conditional one is to try TLS."""
    with in_background(misbehave.closes_at_once, tls=authority().context()) as server:
        where = target(type_, "127.0.0.1", server.port, **TYPES[type_])
        report = climb(where, ca_file=str(authority().ca_file))
    found = finding_of(report)
    passed(report, Step.TLS)
    assert "before it sent any data over TLS" in found.detail


def test_the_words_of_a_hang_up_fit_a_server_that_spoke() -> None:
    cause = common.HUNG_UP
    assert "before the protocol began" not in cause.meaning
    assert "(Over TLS: the handshake succeeded, but no data followed.)" in cause.meaning
    assert "checked over TLS (for a web page, `https://`)." in cause.remedy
