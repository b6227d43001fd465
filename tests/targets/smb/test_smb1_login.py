"""The SMB login in SMB 1: only with NTLMv2, never anonymous, and with the DOS errors that predate NT statuses."""

from __future__ import annotations

import struct

import pytest

from fixtures.emulators import Reader, Record, Server, Writer, in_background
from fixtures.transcripts import load
from scanready.causes import common, nt
from scanready.climb.explain import Failure
from scanready.model import Cause
from scanready.targets.smb import login
from tests.targets.smb import smb_login_peer as peers
from tests.targets.smb.smb_login_peer import SCANNER

NEGOTIATE, SETUP, TREE, UNTREE, CREATE, LOGOFF = 0x72, 0x73, 0x75, 0x71, 0xA2, 0x74
SAMBA = load("smb/samba4.17-smb1-negotiate.s2c.hex")
CHALLENGE = load("smb/samba4.17-smb1-sessionsetup-type2.s2c.hex")

# Words and bytes of an AndX answer with nothing else in it.
LET_IN = b"\x03\xff\x00\x00\x00\x00\x00" + b"\x00\x00"
CONNECTED = b"\x03\xff\x00\x00\x00\x00\x00" + b"\x03\x00A:\x00"
NOTHING = b"\x00\x00\x00"
IN_NT, IN_DOS = 0x4001, 0x0001  # flags2: NT statuses and long names; only long names


def answer(command: int, body: bytes, status: bytes = b"\0\0\0\0", flags2: int = IN_NT) -> bytes:
    head = b"\xffSMB" + bytes([command]) + status + b"\x98" + struct.pack("<H", flags2) + bytes(12)
    return peers.frame(head + struct.pack("<HHHH", 7, 0, 7, 0) + body)


def server(answers: dict[int, bytes], negotiated: bytes = SAMBA) -> peers.Odd:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        replies = {
            NEGOTIATE: negotiated,
            SETUP: answer(SETUP, LET_IN),
            TREE: answer(TREE, CONNECTED),
            UNTREE: answer(UNTREE, NOTHING),
            LOGOFF: answer(LOGOFF, b"\x02\xff\0\0\0\0\0"),
            **answers,
        }
        setups = 0
        while True:
            (length,) = struct.unpack(">I", await reader.readexactly(4))
            command = (await reader.readexactly(length))[4]
            record.count(hex(command))
            setups += command == SETUP
            writer.write(CHALLENGE if command == SETUP and setups == 1 else replies[command])
            await writer.drain()

    return behaviour


def visit(running: Server) -> login.Result:
    return login.visit(peers.where(running, dialect=login.SMB1), SCANNER, 5.0)


@pytest.mark.parametrize("synthetic", ["nt4", "share-level"])
def test_nothing_older_than_ntlmv2_is_tried(synthetic: str) -> None:
    """impacket would log in with NTLMv1, or anonymously where each share has its own password."""
    negotiated = load(f"smb/SYNTH-{synthetic}-smb1-negotiate.s2c.hex")
    with in_background(server({}, negotiated)) as running:
        with pytest.raises(Failure) as failed:
            visit(running)
        running.wait()
    assert failed.value.cause is common.LIMIT
    assert running.counts == {"0x72": 1}, "nothing but the negotiation"


@pytest.mark.parametrize(
    ("status", "flags2", "cause"),
    [
        (b"\x6d\x00\x00\xc0", IN_NT, common.LOGIN_REFUSED),
        (b"\x34\x02\x00\xc0", IN_NT, common.LOGIN_LOCKED),
        (b"\x22\x00\x00\xc0", IN_NT, nt.SESSION_DENIED),
    ],
)
def test_a_login_that_is_refused(status: bytes, flags2: int, cause: Cause) -> None:
    with in_background(server({SETUP: answer(SETUP, NOTHING, status, flags2)})) as running:
        with pytest.raises(Failure) as failed:
            visit(running)
        running.wait()
    assert failed.value.cause is cause
    assert running.counts["0x73"] == 2, "once, and not again in an older way"


@pytest.mark.parametrize(
    ("status", "flags2", "cause"),
    [
        (b"\x22\x00\x00\xc0", IN_NT, common.ACCESS_DENIED),
        (b"\x34\x00\x00\xc0", IN_NT, common.ACCESS_NOT_FOUND),
        (b"\x57\x02\x00\xc0", IN_NT, nt.ELSEWHERE),
        (b"\x01\x00\x05\x00", IN_DOS, common.ACCESS_DENIED),  # ERRDOS, ERRnoaccess
        (b"\x01\x00\x02\x00", IN_DOS, common.ACCESS_NOT_FOUND),  # ERRDOS, ERRbadfile
        (b"\x01\x00\x03\x00", IN_DOS, common.ACCESS_NOT_FOUND),  # ERRDOS, ERRbadpath
        (b"\x02\x00\x5b\x00", IN_DOS, nt.READ_FAILED),  # ERRSRV, ERRbaduid: Samba's, where it may not enter
    ],
)
def test_a_path_that_is_refused(status: bytes, flags2: int, cause: Cause) -> None:
    with in_background(server({CREATE: answer(CREATE, NOTHING, status, flags2)})) as running:
        result = visit(running)
        running.wait()
    assert result.denied is not None
    assert result.denied.cause is cause
    assert running.counts["0x74"] == 1, "logged off"


def test_a_guest() -> None:
    as_guest = LET_IN[:5] + b"\x01\x00" + LET_IN[7:]
    answers = {SETUP: answer(SETUP, as_guest), CREATE: answer(CREATE, NOTHING, b"\x22\x00\x00\xc0")}
    with in_background(server(answers)) as running:
        result = visit(running)
    assert result.guest
    assert result.denied is not None
    assert "a guest" in result.denied.detail
