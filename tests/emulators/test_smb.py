"""Check the SMB emulator with impacket, which must accept it as the server it plays; offences are counted."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from impacket import nmb
from impacket.smb3structs import SMB2_DIALECT_002, SMB2_DIALECT_311
from impacket.smbconnection import SMB_DIALECT, SessionError, SMBConnection

from fixtures.emulators import Behaviour, in_background, smb

HERE = "127.0.0.1"


def refusal(behaviour: Behaviour, dialect: object) -> SMBConnection:
    """Log in with a wrong password, be refused, and return the connection for its facts."""
    with in_background(behaviour) as server:
        connection = SMBConnection(HERE, HERE, sess_port=server.port, preferredDialect=dialect, timeout=5)
        with pytest.raises(SessionError) as refused:
            connection.login("er", "no")
        connection.close()
        server.wait()
    assert refused.value.getErrorCode() == 0xC000006D
    assert server.counts["logins"] == 1
    assert server.offences == {}
    return connection


@pytest.mark.parametrize(
    ("behaviour", "dialect", "required", "name"),
    [
        (smb.samba, SMB2_DIALECT_311, False, "SMBLABB"),
        (smb.windows_2019, SMB2_DIALECT_311, False, "FS01"),
        (smb.MENU["signing-required"], SMB2_DIALECT_311, True, "SMBLABB"),
        (smb.MENU["domain-controller"], SMB2_DIALECT_311, True, "LABDC"),
        (smb.server(replace(smb.HEALTHY, negotiate=smb.SAMBA_202)), SMB2_DIALECT_002, False, "SMBLABB"),
    ],
)
def test_impacket_reads_the_facts_and_is_refused(behaviour: Behaviour, dialect: int, required: bool, name: str) -> None:
    connection = refusal(behaviour, dialect)
    assert connection.getDialect() == dialect
    assert connection.getServerName() == name
    mode = connection.getSMBServer()._Connection["ServerSecurityMode"]
    assert bool(mode & 2) is required


def test_impacket_reads_windows_names_and_build() -> None:
    connection = refusal(smb.windows_2019, SMB2_DIALECT_311)
    assert connection.getServerDomain() == "CORP"
    assert connection.getServerDNSHostName() == "fs01.corp.example"
    assert connection.getServerDNSDomainName() == "corp.example"
    assert "17763" in connection.getServerOS()


@pytest.mark.parametrize(
    ("behaviour", "system"), [(smb.MENU["smb1-only-samba"], "Windows 6.1"), (smb.smb1_only, "Windows Server 2003 3790")]
)
def test_impacket_reads_smb1_and_is_refused(behaviour: Behaviour, system: str) -> None:
    connection = refusal(behaviour, SMB_DIALECT)
    assert connection.getDialect() == SMB_DIALECT
    assert connection.getServerOS().decode("utf-16-le").startswith(system)


def test_impacket_asks_for_a_session() -> None:
    with in_background(smb.server(replace(smb.HEALTHY, called=("FS01",)))) as server:
        for called, known in (("FS01", True), ("OTHER", False)):
            session = nmb.NetBIOSTCPSession("TEST", called, "127.0.0.1", sess_port=server.port)
            if known:
                session._request_session(nmb.TYPE_SERVER, nmb.TYPE_WORKSTATION, 5)
            else:
                with pytest.raises(nmb.NetBIOSError, match="Cannot request session"):
                    session._request_session(nmb.TYPE_SERVER, nmb.TYPE_WORKSTATION, 5)
            session.close()
    assert server.counts["sessions"] == 2


def test_what_is_no_smb_is_noticed() -> None:
    with in_background(smb.samba) as server:
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert sock.recv(100) == b""
        server.wait()
    assert server.offences == {"not-smb": 1}
