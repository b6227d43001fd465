"""A healthy server that sends one value that is not known yet is never blocked, refused or called broken.

Each server is climbed once as it is. Then every field that the codecs declare gets unknown values in what that server
sends, one climb a value. All that it proved before the unknown value stays proven, and it proves no more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    http,
    in_background,
    informix,
    misbehave,
    mssql,
    mysql,
    nfs,
    notes,
    oracle,
    postgresql,
    smb,
    ssh,
    sybase,
    teradata,
)
from fixtures.transcripts import load
from scanready.causes import common
from scanready.model import Credential, Outcome, Report, Verdict
from scanready.wire.fields import Role
from tests.ladder import account, climb, story, target
from tests.targets.imap.imap_peers import mailbox
from tests.targets.windows import windows_peers
from tests.wire.unknown import Change, changes, fields_of

CLEAR = {"allow_cleartext": True}
#: The verdicts, the one that promises least first.
PROMISES = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED, Verdict.READY, Verdict.SCANNABLE)
#: Statements against a target, which an unknown value is not.
DEFINITE = ("login.refused", "login.locked", "login.expired", "handshake.malformed")
ER = account("er")


@dataclass(frozen=True)
class Healthy:
    """A server, what it is asked as, and the codecs whose fields it sends."""

    type: str
    behaviour: Behaviour
    codecs: tuple[str, ...]
    credential: Credential | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def asked(self, port: int) -> Report:
        """Climb, as from a Windows agent where that is demanded."""
        if self.type == "windows":
            return windows_peers.climbed(port, self.credential, canary=False)
        where = target(self.type, "127.0.0.1", port, self.credential, **self.options)
        return climb(where, canary=False)


SERVERS = {
    "db2": Healthy("db2", db2.server(mechanisms=(3,)), ("drda",), ER, {"database": "SAMPLE", **CLEAR}),
    "http": Healthy("http", http.basic, ("http",)),
    "http, open": Healthy("http", http.ok, ("http",)),
    "imap": Healthy("imap", mailbox(), ("imap",), options=CLEAR),
    "informix": Healthy("informix", informix.informix, ("sqli",), None, {"allow_login_probe": True}),
    "informix, logs in": Healthy("informix", informix.informix, ("sqli",), ER, {"server": "ol_hr", **CLEAR}),
    "mssql": Healthy("mssql", mssql.Server(encryption="none"), ("tds7",)),
    "mssql, logs in": Healthy(
        "mssql", mssql.Server(encryption="none"), ("tds7",), account(mssql.USER, mssql.PASSWORD), CLEAR
    ),
    "mssql, an instance": Healthy(
        "mssql", mssql.Server(encryption="none", instance="HR"), ("tds7",), options={"instance": "HR"}
    ),
    "mysql": Healthy("mysql", mysql.server(mysql.GREETING_10_11_PLAIN), ("mysql",)),
    "nfs": Healthy("nfs", nfs.version_4, ("rpc.message", "rpc.nfs4")),
    "notes": Healthy("notes", notes.domino, ("nrpc",)),
    "oracle": Healthy("oracle", oracle.healthy, ("tns",), options={"service": "ORCL"}),
    "postgresql": Healthy(
        "postgresql", postgresql.server(postgresql.AUTH_SASL), ("postgresql",), options={"user": "er"}
    ),
    "smb": Healthy("smb", smb.samba, ("nbt", "smb2", "spnego", "ntlm")),
    "smb, Windows": Healthy("smb", smb.server(smb.WINDOWS), ("smb2", "spnego", "ntlm")),
    "smb 1": Healthy("smb", smb.server(smb.OLD_SAMBA), ("smb1", "spnego", "ntlm")),
    "ssh": Healthy("ssh", ssh.openssh_9_2, ("ssh",)),
    "sybase": Healthy("sybase", sybase.ase, ("tds5",), None, {"allow_login_probe": True}),
    "sybase, logs in": Healthy("sybase", sybase.ase, ("tds5",), ER, CLEAR),
    "teradata": Healthy("teradata", teradata.gateway, ("teradata",)),
    "tibero": Healthy("tibero", misbehave.says(load("tibero/SYNTH-greeting.s2c.hex")), ("tibero",)),
    "windows": Healthy("windows", windows_peers.mapper(), ("dcerpc", "dcom", "epm", "ntlm")),
}


class Altering:
    """A writer that changes what goes through it, and keeps it as it was."""

    def __init__(self, writer: Writer, alter: Callable[[bytes], bytes], written: list[bytes]) -> None:
        self._writer, self._alter, self._written = writer, alter, written

    def write(self, data: bytes) -> None:
        """Pass a message on, changed."""
        self._written.append(bytes(data))
        self._writer.write(self._alter(bytes(data)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def played(server: Healthy, alter: Callable[[bytes], bytes] = bytes) -> tuple[Report, list[bytes]]:
    """Climb; return the report and what the server would have sent unchanged."""
    written: list[bytes] = []

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await played_by(reader, Altering(writer, alter, written), record)

    with in_background(windows_peers.rpc_service) as beside, in_background(behaviour) as playing:
        # A Windows names a port, where something must answer.
        listed = windows_peers.mapper(lookup=windows_peers.table(beside.port))
        played_by = listed if server.type == "windows" else server.behaviour
        report = server.asked(playing.port)
    return report, written


def unknowns(server: Healthy, written: list[bytes]) -> list[Change]:
    """The changes of all declared fields in the messages of a server, each once."""
    found: dict[tuple[str, int, bytes], Change] = {}
    for codec in server.codecs:
        for one in fields_of(codec):
            # SMB's offsets behind a SPNEGO token do not move with it: its offers are the codec's test only.
            carried = codec == "spnego" and one.role is Role.OFFER
            for message in written if one.role is not Role.DISCRIMINATOR and not carried else ():
                for change in changes(one, message):
                    found.setdefault((f"{codec} {one.name}", change.place, change.value), change)
    return list(found.values())


def decided(report: Report) -> str:
    return report.finding.cause.code if report.finding else ""


def stands(change: Change, before: Report, after: Report) -> None:
    """Assert that the change made no definite statement, took no proof away, and proved nothing."""
    difference = f"{change}:\n{story(after)}\nbefore: {story(before)}"
    assert after.verdict is not Verdict.BLOCKED or before.verdict is Verdict.BLOCKED, difference
    assert decided(after) not in DEFINITE or decided(after) == decided(before), difference
    assert PROMISES.index(after.verdict) <= PROMISES.index(before.verdict), difference
    if after.verdict is not Verdict.UNDECIDED or before.verdict is Verdict.UNDECIDED:
        return
    assert after.finding is not None, difference
    step = after.finding_step
    assert step is not None, difference
    passed = {check.step for check in after.checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)}
    proven = {
        check.step for check in before.checks if check.outcome is Outcome.PASSED and check.step.height < step.height
    }
    assert proven <= passed, difference
    if after.finding.cause is common.LIMIT:
        phrases = ("not known here", "pytds could not read")  # the second is of a library that reads the answer
        assert any(words in after.finding.detail for words in phrases), difference


@pytest.mark.parametrize("name", SERVERS)
def test_an_unknown_value_blocks_no_healthy_server(name: str) -> None:
    server = SERVERS[name]
    before, written = played(server)
    assert before.verdict in PROMISES[1:], story(before)
    for change in unknowns(server, written):
        after, _ = played(server, change.apply)
        stands(change, before, after)
