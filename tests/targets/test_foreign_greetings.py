"""A service that no signature knows, at the port of a named type: what it says is no broken word of that type's."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from scanready.model import Owner, Report, Verdict
from tests.ladder import TYPES, climb, finding_of, story, target

#: Bytes that no protocol begins with.
UNKNOWN = {
    "binary": bytes.fromhex("8af30199fe0042d7111305aa"),
    "long": bytes.fromhex("8af30199fe0042d7") * 64,
    "text": b"FOODSERVER ready\r\n",
}
#: A record of NFS begins with a length, which may be any.
LESS_CLEAR = {("nfs", "handshake.malformed")}
#: Lines of text may stand before the identification of SSH, so they are the server's last words.
LAST_WORDS = {("unix", "handshake.broken-off"), ("ssh", "handshake.broken-off")}
#: The scanner's own infrastructure has causes of its own.
OWN = {"master", "update"}


def owners(report: Report) -> set[Owner]:
    found = finding_of(report)
    return {found.owner, *(one.owner for one in found.cause.also)}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("type_", [row.name for row in TYPES if row.name not in OWN])
def test_the_operator_and_the_servers_owner_are_both_named(type_: str, name: str) -> None:
    options: dict[str, Any] = {"allow_login_probe": True} if type_ in ("informix", "sybase") else {}
    with in_background(misbehave.says_and_closes(UNKNOWN[name])) as server:
        report = climb(target(type_, "127.0.0.1", server.port, **options), timeout=5.0, canary=False)
    code = finding_of(report).cause.code
    assert report.verdict is Verdict.BLOCKED, story(report)
    if (type_, code) in LAST_WORDS:
        assert owners(report) == {Owner.SERVER}
        return
    assert code in ("handshake.other-protocol", "tls.not-offered") or (type_, code) in LESS_CLEAR, story(report)
    assert {Owner.OPERATOR, Owner.SERVER} <= owners(report), story(report)
    if code == "handshake.other-protocol":
        assert finding_of(report).owner is Owner.OPERATOR
