from __future__ import annotations

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.climb.identify import Identity, Signatures
from scanready.run.registry import catalogue
from tests.pace import computes_within
from tests.readers import quickly
from tests.wire import fuzz

SIGNATURES = Signatures.of(catalogue())


def who(first: bytes) -> str | None:
    found = SIGNATURES.identify(first)
    return found.protocol if found else None


def text(first: bytes) -> str:
    found = SIGNATURES.identify(first)
    assert found is not None
    return found.text


# --- captured transcripts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        ("ssh/openssh9.2-banner", Identity("ssh", "an SSH server (OpenSSH_9.2p1 Debian-2+deb12u10)")),
        ("ssh/openssh9.2-http-garbage", Identity("ssh", "an SSH server (OpenSSH_9.2p1 Debian-2+deb12u10)")),
        (
            "ssh/openssh9.2-exceeded-maxstartups",
            Identity("ssh", "an SSH server that refuses the connection (Exceeded MaxStartups)"),
        ),
        (
            "ssh/openssh10-not-allowed-penalty",
            Identity("ssh", "an SSH server that refuses the connection (Not allowed at this time)"),
        ),
        ("http/nginx1.22-head", Identity("http", "an HTTP server (nginx/1.22.1)")),
        ("http/nginx1.22-tls-to-http", Identity("http", "an HTTP server (nginx/1.22.1)")),
        (
            "tls/openssl3.0-alert-protocol-version",
            Identity("tls", "TLS (alert: protocol_version)"),
        ),
        ("tls/openssl3.0-tls1.2-server-flight", Identity("tls", "TLS")),
        ("imap/dovecot2.3-greeting", Identity("imap", "an IMAP server (Dovecot (Debian) ready.)")),
        ("mysql/SYNTH-mysql8.0-greeting", Identity("mysql", "a server of the MySQL protocol (8.0.39)")),
        (
            "mysql/mariadb10.11-greeting",
            Identity("mysql", "a MariaDB server (10.11.19-MariaDB-0+deb12u1-log)"),
        ),
        ("mysql/mariadb10.11-err1130-host-not-allowed", Identity("mysql", "a MySQL or MariaDB server (error 1130)")),
        ("mysql/mariadb10.11-err1156-http", Identity("mysql", "a MySQL or MariaDB server (error 1156)")),
        ("postgresql/pg15-auth-sasl", Identity("postgresql", "a server of the PostgreSQL protocol")),
        ("postgresql/pg15-no-hba-entry-28000", Identity("postgresql", "a server of the PostgreSQL protocol")),
    ],
)
def test_captured_first_bytes(transcript: str, expected: Identity) -> None:
    assert SIGNATURES.identify(load(f"{transcript}.s2c.hex")) == expected


def test_every_greeting_that_was_captured_is_recognised() -> None:
    for protocol, pattern in (
        ("ssh", "*-banner*"),
        ("http", "*.s2c.hex"),
        ("imap", "*-greeting*"),
        ("mysql", "*-greeting*"),
        ("postgresql", "pg15-[0-9a]*.s2c.hex"),
    ):
        found = names(protocol, pattern)
        assert found
        for name in found:
            assert who(load(name)) == protocol, name


def test_a_cut_after_512_bytes_changes_nothing() -> None:
    """A stream remembers the first 512 bytes of what it heard."""
    for protocol in ("ssh", "http", "tls", "imap", "mysql", "postgresql"):
        for name in names(protocol, "*.s2c.hex"):
            assert who(load(name)[:512]) == who(load(name)), name


def test_whatever_was_captured_is_never_taken_for_another_protocol() -> None:
    for protocol in ("ssh", "http", "tls", "imap", "mysql", "postgresql"):
        for name in names(protocol, "*.s2c.hex"):
            assert who(load(name)) in (protocol, None), name


# --- binary protocols --------------------------------------------------------------------------------------------

# The beginning (or the whole) of answers captured November 2026 in private network namespaces from Samba 4.17.12
# (smb, dcerpc), nfs-ganesha 4.3 (rpc, record mark put back) and Derby 10.14.2 (drda).
SMB2 = bytes.fromhex("0000011cfe534d4240000000000000000000010001000000000000000000000000000000fffe0000")
SMB1 = bytes.fromhex("00000025ff534d4272000000008803c0000000000000000000000000fffffffe0000000001ffff0000")
DCERPC = bytes.fromhex("0500032310000000200000000200000018000000000000000300011c00000000")
RPC = bytes.fromhex("800000206353000a00000001000000000000000000000000000000020000000300000004")
DRDA = bytes.fromhex("0085d0020001007f1443001d115ed585a3a6969992e28599a58599c39695a3999693")
# Accepted November 2026 by the vendors' or the usual drivers, from emulators: python-oracledb 26.1 (tns),
# pytds 1.17 and FreeTDS (tds); nrpc is built manually after public traces.
TNS = bytes.fromhex("005f00000400000004000053") + b"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=12514)"
TDS7 = bytes.fromhex("0401002b0000010000001a00060100200001020021000103002200000400220001ff100010270000000000")
TDS5 = bytes.fromhex("0401004b00000100ad140006050000000a73716c207365727665720a")
NRPC = bytes.fromhex("6e0000006900000003000040020f0005003d0560f03a3803030000000002002f")

#: Built manually, as informix-driver 2026.9, teradatasql 20 and Tibero's JDBC driver 6 accept them.
SQLI, SQLI_REFUSED = (load(f"sqli/SYNTH-ids-{what}.s2c.hex") for what in ("accepted", "refused-951"))
TERADATA, TERADATA_ERROR = (load(f"teradata/SYNTH-{what}.s2c.hex") for what in ("config-response", "error-8011"))
TIBERO = load("tibero/SYNTH-greeting.s2c.hex")

BINARY = {
    "sqli": (SQLI, SQLI_REFUSED, load("sqli/SYNTH-ids-redirect.s2c.hex")),
    "teradata": (TERADATA, TERADATA_ERROR),
    "tibero": (TIBERO,),
    "smb": (SMB2, SMB1, bytes.fromhex("8300000182")),
    "dcerpc": (DCERPC,),
    "rpc": (RPC,),
    "drda": (DRDA,),
    "tns": (TNS, bytes.fromhex("000800000b000000")),
    "tds": (TDS7, TDS5),
    "nrpc": (NRPC,),
    # From the specifications: RFC 4511 (notice of disconnection), MS-RDPBCGR 4.1.2, RFC 854, AMQP 0-9-1, RFC 1928,
    # MySQL X Protocol's notice, Kerberos 5 error over TCP.
    "ldap": (
        bytes.fromhex("3024020100781f0a01020400040081") + bytes(23),
        bytes.fromhex("3084000000100201006184000000070a010004000400"),
    ),
    "rdp": (bytes.fromhex("030000130ed000001234000201080002000000"),),
    "x224": (bytes.fromhex("0300000b06d00000123400"),),
    "telnet": (bytes.fromhex("fffd18fffd20"), bytes.fromhex("fffb01") + b"login: "),
    "amqp": (b"AMQP\0\0\x09\x01", bytes.fromhex("01000000000010000a000a0009") + bytes(11)),
    "socks": (b"\x05\xff", b"\x00\x5b" + bytes(6)),
    "mysqlx": (bytes.fromhex("050000000b08051a00"),),
    "kerberos": (bytes.fromhex("000000307e2e302c"),),
    "mqtt": (bytes.fromhex("20020001"),),
}


@pytest.mark.parametrize(("protocol", "first"), [(name, first) for name, all_of in BINARY.items() for first in all_of])
def test_binary_protocols(protocol: str, first: bytes) -> None:
    assert who(first) == protocol


@pytest.mark.parametrize(
    ("first", "at", "octet"),
    [
        (SMB2, 1, 0xFF),  # more than any answer
        (DCERPC, 8, 0x1F),  # one byte less than has come
        (RPC, 3, 0x1C),
        (RPC, 3, 0x21),  # XDR is a multiple of four
        (DRDA, 1, 0x84),  # the two lengths differ
        (TNS, 1, 0x20),
        (TDS7, 3, 0x10),
        (TDS5, 3, 0x10),
        (NRPC, 0, 0x10),
        (SQLI, 1, 0x10),
        (TERADATA, 9, 0x10),
        (TIBERO, 7, 0x10),
    ],
)
def test_a_length_that_does_not_fit_proves_nothing(first: bytes, at: int, octet: int) -> None:
    assert who(first) is not None
    assert who(first[:at] + bytes([octet]) + first[at + 1 :]) is None


def test_a_mysql_greeting_whose_length_does_not_fit_is_none() -> None:
    greeting = load("mysql/mariadb10.11-greeting.s2c.hex")
    assert who(greeting + b"more") is None
    assert who(b"\x01" + greeting[1:]) is None
    assert who(load("mysql/mariadb10.11-err1130-host-not-allowed.s2c.hex")[:-1]) is None


# --- text protocols ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"220 mail.example ESMTP Postfix\r\n", Identity("smtp", "a mail server (SMTP) (mail.example ESMTP Postfix)")),
        (b"554 No SMTP service here\r\n", Identity("smtp", "a mail server (SMTP) (No SMTP service here)")),
        (b"220 (vsFTPd 3.0.3)\r\n", Identity("ftp", "an FTP server ((vsFTPd 3.0.3))")),
        (b"220-Welcome\r\n220 FTP server ready\r\n", Identity("ftp", "an FTP server (Welcome)")),
        (b"220 ready\r\n", Identity("smtp-or-ftp", "a mail (SMTP) or FTP server (ready)")),
        (b"+OK Dovecot ready.\r\n", Identity("pop3", "a POP3 server (Dovecot ready.)")),
        (b"* OK [CAPABILITY IMAP4rev1] hi\r\n", Identity("imap", "an IMAP server (hi)")),
        (b"* BYE overloaded\r\n", Identity("imap", "an IMAP server (overloaded)")),
        (
            b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n',
            Identity("managesieve", "a ManageSieve server (Dovecot Pigeonhole)"),
        ),
        (b"RFB 003.008\n", Identity("vnc", "a VNC server (003.008)")),
        (
            b"421 Too many connections (8) from this IP\r\n",
            Identity(
                "smtp-ftp-or-nntp",
                "a mail (SMTP), FTP or news server that refuses (Too many connections (8) from this IP)",
            ),
        ),
        (
            b"502 You have no permission to talk. Goodbye.\r\n",
            Identity(
                "smtp-ftp-or-nntp",
                "a mail (SMTP), FTP or news server that refuses (You have no permission to talk. Goodbye.)",
            ),
        ),
        (b"-ERR server busy\r\n", Identity("pop3-or-redis", "a POP3 or Redis server that refuses (server busy)")),
        (b":irc.example NOTICE * :*** Looking up your hostname\r\n", Identity("irc", "a chat server (IRC)")),
        (b'INFO {"server_id":"x","version":"2.9"} \r\n', Identity("nats", "a NATS message broker")),
        (b"Asterisk Call Manager/5.0\r\n", Identity("asterisk", "an Asterisk manager port (5.0)")),
        (
            b"\r\nUser Access Verification\r\n\r\nUsername: ",
            Identity("telnet", "a network device's Telnet console"),
        ),
        (b"-NOAUTH Authentication required.\r\n", Identity("redis", "a Redis server")),
        (b"@RSYNCD: 31.0 sha512\n", Identity("rsync", "an rsync server (31.0)")),
        (b"Hello!\r\nSSH-2.0-x\r\n", Identity("ssh", "an SSH server (x)")),
        (b"HTTP/1.1 200 OK\r\n\r\nsee\nSSH-2.0-x\r\n", Identity("http", "an HTTP server")),
        (b"HTTP/1.1 407 No\r\nServer: squid/5.7\r\n", Identity("http", "an HTTP proxy (squid/5.7)")),
        (b"<!DOCTYPE HTML>\n", Identity("http", "a web server that sends HTML without a header")),
        (b"RTSP/1.0 400 Bad Request\r\n", Identity("rtsp", "a media server (RTSP)")),
        (
            b"200 news.example InterNetNews ready\r\n",
            Identity("nntp", "a news server (news.example InterNetNews ready)"),
        ),
    ],
)
def test_text_protocols(first: bytes, expected: Identity) -> None:
    assert SIGNATURES.identify(first) == expected


def test_a_tls_port_that_says_so_in_http() -> None:
    """nginx, Apache httpd and Go each have their own words for it."""
    for words in (
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.",
        b"Client sent an HTTP request to an HTTPS server.",
    ):
        answer = b"HTTP/1.1 400 Bad Request\r\nServer: s\r\n\r\n" + words
        assert text(answer) == "an HTTPS server (s) that received plain HTTP"


# --- what proves nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"S",
        b"N",
        b"E",
        b"G",
        b"\x05\x00",
        b"+OK\r\n",  # Redis says that too
        b"-ERR\r\n",
        b"HTTP",
        b"SSH-",
        b"hello\r\n",
        b"2200 x\r\n",
        b"\x16\x03\x01\x00\x10\x63",  # no handshake message that starts a handshake
        b"\x17\x03\x03\x00\x10" + bytes(16),
        b"\xff\xff\xff\xff",
        b"J\x00\x00\x00\x0a",
        b"R\x00\x00\x00\x08\x00\x00\x00\x63",  # no such authentication request
        b"E\x00\x00\x00\x20Serious\x00Trouble\x00",
        bytes(64),
        b"\xff" * 64,
    ],
)
def test_nobody_in_particular(first: bytes) -> None:
    assert SIGNATURES.identify(first) is None


# --- hostile peers -----------------------------------------------------------------------------------------------

SEEDS = [load(name) for folder in ("ssh", "http", "tls", "imap", "mysql", "postgresql") for name in names(folder)]


@given(fuzz.hostile(*SEEDS, *(first for all_of in BINARY.values() for first in all_of)))
def test_it_never_raises_and_says_nothing_dangerous(data: bytes) -> None:
    with quickly():
        found = SIGNATURES.identify(data)
    if found is not None:
        assert found.text.isprintable()
        assert len(found.text) < 160


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-\x1b]0;title\x07\xff\xe2\x80\xae\r\n", b"220 \x1b[2J\x9b ESMTP\r\n", b"* OK \x00\x1b[31m\r\n"]
)
def test_escapes_are_taken_out(first: bytes) -> None:
    assert text(first).isprintable()


@pytest.mark.parametrize("first", [b"SSH-2.0-", b"220 ", b"220 FTP", b"* OK ", b"* OK [", b"HTTP/1.1 200 \r\nServer: "])
def test_endless_names_are_cut(first: bytes) -> None:
    found = SIGNATURES.identify(first + b"x" * 10_000_000)
    assert found is None or len(found.text) < 160


@pytest.mark.parametrize(
    "first", [b"\n" * 5000, b"<?xml" * 1000, b" " * 5000, b"220 " + b"F" * 5000, b"\xff\xfb\x01" * 2000, b"x\n" * 2500]
)
def test_it_takes_no_time(first: bytes) -> None:
    with computes_within(1):
        for _ in range(10):
            SIGNATURES.identify(first)
