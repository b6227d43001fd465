"""impacket, for SMB and for WMI: its opinions, and the errors from the wire. The bytes are written here."""

from __future__ import annotations

import struct

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, dcom, in_background
from scanready.climb.explain import Failure
from scanready.model import Report, Step
from scanready.targets.windows import login as wmi
from tests.ladder import account, climb, finding_of, passed, target
from tests.libraries.provoking import ROWS, Provoke, demand
from tests.targets.smb import smb_login_peer as smb
from tests.targets.windows.wmi_peers import account as svc
from tests.targets.windows.wmi_peers import refused, where

SCANNER = account("scanuser")
#: STATUS_LOGON_FAILURE.
LOGON_FAILURE = 0xC000006D


async def floods(reader: Reader, writer: Writer, record: Record) -> None:
    """Answer with 8 MB of whole messages, none of which was asked for."""
    head = b"\xfeSMB" + struct.pack("<HHIHHII", 64, 1, 0, smb.TREE, 1, 1, 0)
    for number in range(128):
        message = head + struct.pack("<QIIQ", 1000 + number, 0, 7, 0x1234) + bytes(16) + bytes(65_000)
        writer.write(smb.frame(message))
        await writer.drain()
    await smb.silent(reader, writer, record)


def over_smb(answers: dict[int, smb.Answer], share: str | None = "finance") -> Provoke:
    def provoke() -> Report:
        with in_background(smb.server(answers)) as server:
            options = {"share": share} if share else {}
            return climb(target("smb", "127.0.0.1", server.port, SCANNER, **options), canary=False)

    return provoke


#: The pipe srvsvc is written to and read from; what is read is a DCE/RPC unit of type 9, which no server sends.
WRITTEN = struct.pack("<HHIIHH", 17, 0, 72, 0, 0, 0)
UNIT = struct.pack("<BBBB4sHHI", 5, 0, 9, 3, b"\x10\0\0\0", 24, 0, 1) + bytes(8)
READ = struct.pack("<HBBIII", 17, 80, 0, len(UNIT), 0, 0) + UNIT
LISTED: dict[int, smb.Answer] = {smb.CREATE: (0, smb.created(smb.FILE)), 9: (0, WRITTEN), smb.READ: (0, READ)}

PROVOKED: dict[str, Provoke] = {
    "smb-flood": over_smb({smb.TREE: floods}),
    "smb-answer": over_smb({smb.TREE: (0, b"\x10\0")}),
    "smb-share-list": over_smb(LISTED, share=None),
    "smb-status": over_smb({smb.SETUP: [smb.ANSWERS[smb.SETUP][0], LOGON_FAILURE]}),  # type: ignore[index]
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


def test_the_words_for_the_share_list_are_impackets() -> None:
    report = PROVOKED["smb-share-list"]()
    assert "DCE RPC packet type" in finding_of(report).detail
    passed(report, Step.LOGIN)


# --- WMI: the login itself, since a climb needs a Windows agent -------------------------------------------------------


def says(answer: bytes) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        await reader.read(4096)

    return behaviour


def bound(answer: bytes) -> Failure:
    with in_background(says(answer)) as server, pytest.raises(Failure) as caught:
        wmi.visit(where(server.port), svc(), 5.0)
    return caught.value


def told(key: str, failure: Failure) -> None:
    verdict = "blocked" if failure.cause.definite else "undecided"
    assert f"{verdict}: {failure.cause.code}" == ROWS[key].reported, failure.detail


def test_wmi_header() -> None:
    told("wmi-header", bound(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def test_wmi_kind() -> None:
    failure = bound(struct.pack("<BBBB4sHHI", 5, 0, 9, 3, b"\x10\0\0\0", 24, 0, 1) + bytes(8))
    told("wmi-kind", failure)
    assert "impacket" in failure.detail


def test_wmi_fault() -> None:
    with dcom.in_background("healthy") as host:
        told("wmi-fault", refused(host, password="wrong"))
