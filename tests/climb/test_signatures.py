"""Exactly one protocol claims each recorded first answer of a server, or the overlap has a reason."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanready
from fixtures.limits import HANG
from fixtures.transcripts import HERE, load, names
from scanready.causes import common
from scanready.climb.explain import explain
from scanready.climb.identify import Identity, Signatures
from scanready.climb.probe import ClimbEnded
from scanready.climb.rung import Rung
from scanready.climb.signature import FOREIGN, Signature, says
from scanready.model import Check, Outcome, Step
from scanready.run.registry import catalogue
from scanready.wire import WireError

SIGNATURES = Signatures.of(catalogue())

#: Folder of transcripts -> the protocol whose server sent them: that of its name, and these.
PROTOCOLS = {
    **{name: name for name in (one.protocol for one in SIGNATURES.rows) if (HERE / name).is_dir()},
    "epm": "dcerpc",
    "ews": "http",
    "nbt": "smb",
    "tds5": "tds",
    "tds7": "tds",
}
#: Folders of parts of messages, and of datagrams.
PARTS = ("dcom", "ntlm", "spnego", "ssrp")

#: Recordings that are no first answer, or that prove nothing; no protocol claims them.
UNCLAIMED = {
    "epm/samba4.17-dc-ept_lookup": "the beginning of a longer answer",
    "imap/dovecot2.3-capability": "an answer to a command",
    "imap/dovecot2.3-capability-in-tls": "an answer to a command",
    "imap/dovecot2.3-capability-without-tls": "an answer to a command",
    "imap/dovecot2.3-id": "an answer to a command",
    "imap/dovecot2.3-login-cleartext-refused": "an answer to a command",
    "imap/dovecot2.3-login-failed": "an answer to a command",
    "imap/dovecot2.3-login-privacyrequired": "an answer to a command",
    "imap/dovecot2.3-starttls-ok": "an answer to a command",
    "imap/dovecot2.3-starttls-refused": "an answer to a command",
    "imap/dovecot2.3-unknown-command": "an answer to a command",
    "mysql/SYNTH-mysql8.0-err3159": "an answer to a login: its number is 2",
    "mysql/mariadb10.11-authswitch": "an answer to a login: its number is 2",
    "mysql/mariadb10.11-err1045-anon": "an answer to a login: its number is 2",
    "mysql/mariadb10.11-ok": "an answer to a login: its number is 2",
    "mysql/sphinx2.2.11-current-user": "an answer to a statement",
    "mysql/sphinx2.2.11-err1064-unhex": "an answer to a statement",
    "mysql/sphinx2.2.11-ok": "an answer to a login: its number is 2",
    "nbt/SYNTH-windows2003-nbstat": "over UDP",
    "nbt/samba4.17-nbstat": "over UDP",
    "nbt/samba4.17-session-positive": "four octets, three of them zero",
    "postgresql/pg15-negotiate-version": "only to a client that asks for a version of the future",
    "postgresql/pg15-sslrequest-yes": "one octet",
    "ssh/openssh10.0-kexinit": "comes after the banner",
    "ssh/openssh9.2-kexinit": "comes after the banner",
    "ssh/openssh9.2-old-algorithms-kexinit": "comes after the banner",
    "ssh/openssh9.2-protocol-major-differs": "comes after the banner",
    "tds7/SYNTH-tls1.2-answer-in-a-bare-record": "comes after PRELOGIN",
    "tds7/SYNTH-tls1.2-server-finished-in-packets": "comes after PRELOGIN",
    "tds7/SYNTH-tls1.2-server-hello-in-packets": "comes after PRELOGIN",
    "tibero/SYNTH-refusal": "comes after the greeting",
    "tibero/SYNTH-refusal-17003": "comes after the greeting",
    "tibero/SYNTH-refusal-8033": "comes after the greeting",
    "tibero/SYNTH-refusal-text": "comes after the greeting",
}

#: Answers that several protocols claim, the winner first, with the reason why that is right.
OVERLAPS = (
    (
        b"HTTP/1.1 200 OK\r\n\r\nsee\nSSH-2.0-x\r\n",
        ["http", "ssh"],
        "SSH allows lines before its banner; a page is none",
    ),
    (
        b"220 mail.example ESMTP\r\n",
        ["smtp", "smtp-or-ftp"],
        "a bare 220 is both protocols' greeting; this one says more",
    ),
    (b"220 (vsFTPd 3.0.3)\r\n", ["ftp", "smtp-or-ftp"], "a bare 220 again"),
    (b"554 No SMTP service\r\n", ["smtp", "smtp-ftp-or-nntp"], "a bare 554 is everybody's; this one says more"),
    (b"-ERR unknown command 'x'\r\n", ["redis", "pop3-or-redis"], "these are Redis's words"),
    (b"220 SMTP, FTP: see below\r\n", ["smtp", "ftp", "smtp-or-ftp"], "both words: mail servers are more talkative"),
    (bytes.fromhex("030000130ed000001234000201080002000000"), ["rdp", "x224"], "RDP is X.224 with an answer inside"),
)


def claims(first: bytes) -> list[str]:
    """Return every protocol that claims the bytes, in the order of the ranks, each once."""
    return list(dict.fromkeys(one.protocol for one in SIGNATURES.rows if one.recognise(first) is not None))


def recorded(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each answer of a folder, framed as over TCP."""
    for name in names(folder, "*.s2c.hex"):
        message = load(name)
        if folder == "rpc":  # recorded without TCP's record mark
            message = (0x80000000 | len(message)).to_bytes(4, "big") + message
        yield name.removesuffix(".s2c.hex"), message


@pytest.mark.parametrize("folder", PROTOCOLS)
def test_one_protocol_claims_what_its_servers_say_first(folder: str) -> None:
    protocol = PROTOCOLS[folder]
    found = {name: claims(message) for name, message in recorded(folder)}
    assert found
    assert found == {name: [] if name in UNCLAIMED else [protocol] for name in found}


@pytest.mark.parametrize("folder", PARTS)
def test_no_protocol_claims_what_is_not_a_whole_message(folder: str) -> None:
    for name, message in recorded(folder):
        assert claims(message) == (["dcerpc"] if name.endswith("-serveralive2") else []), name


def test_every_recording_is_put_to_the_signatures() -> None:
    folders = {name.partition("/")[0] for name in names("*", "*.s2c.hex")}
    assert folders == {*PROTOCOLS, *PARTS}
    known = {name for folder in PROTOCOLS for name, _ in recorded(folder)}
    assert set(UNCLAIMED) <= known, "a recording that is gone needs no reason"


@pytest.mark.parametrize(("first", "claimed", "reason"), OVERLAPS, ids=[reason for *_, reason in OVERLAPS])
def test_where_several_protocols_claim_an_answer_the_surer_one_wins(
    first: bytes, claimed: list[str], reason: str
) -> None:
    assert claims(first) == claimed, reason
    found = SIGNATURES.identify(first)
    assert found is not None
    assert found.protocol == claimed[0], reason


# --- the table ---------------------------------------------------------------------------------------------------


def test_each_rank_is_given_once() -> None:
    ranks = [one.rank for one in SIGNATURES.rows]
    assert ranks == sorted(set(ranks))


def test_each_protocol_that_a_type_speaks_is_recognised() -> None:
    spoken = {row.speaks for row in catalogue().built_in.values()}
    assert spoken - {one.protocol for one in SIGNATURES.rows} == {"er-master"}, "its protocol is not public"


def test_a_protocol_is_recognised_by_the_family_that_speaks_it() -> None:
    foreign = {one.protocol for one in FOREIGN}
    for module in catalogue().parts("signatures"):
        spoken = {row.speaks for row in catalogue() if row.home == module.__package__}
        for one in module.SIGNATURES:
            assert one.protocol in {*spoken, "mysqlx"}, module.__name__
            assert one.protocol not in foreign, module.__name__


def test_the_lowest_rank_wins_whatever_the_order() -> None:
    loose, sure = Signature("loose", says(b"a", "loose"), 20), Signature("sure", says(b"ab", "sure"), 10)
    for table in (Signatures([loose, sure]), Signatures([sure, loose])):
        assert table.identify(b"abc") == Identity("sure", "sure")
        assert table.identify(b"acc") == Identity("loose", "loose")
        assert table.identify(b"") is None
        assert table.foreigner(b"abc", "sure") is None
        assert table.foreigner(b"abc", "loose") == Identity("sure", "sure")


def test_the_table_is_read_when_bytes_are_to_be_identified() -> None:
    read: list[str] = []

    def signatures() -> Iterator[Signature]:
        read.append("now")
        yield Signature("echo", says(b"echo", "an echo"), 0)

    table = Signatures(signatures())
    assert table.identify(b"") is None
    assert not read
    assert table.identify(b"echo") == table.identify(b"echo...") == Identity("echo", "an echo")
    assert read == ["now"]


def test_a_table_loads_no_protocol_before_it_is_needed() -> None:
    script = """
import sys
from scanready.climb import probe, run_context
assert not [name for name in sys.modules if name.startswith("scanready.targets")]
from scanready.run.registry import catalogue
table = run_context.Signatures.of(catalogue())
assert not [name for name in sys.modules if name.endswith(".signatures")]
print(table.identify(b"SSH-2.0-x\\r\\n").protocol)
"""
    where = str(Path(scanready.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {where!r})\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.split() == ["ssh"]


# --- what is made of it ------------------------------------------------------------------------------------------


def _heard(first: bytes) -> WireError:
    error = WireError("not what was expected")
    error.heard = first
    return error


def test_another_protocol_is_named_with_the_table_of_the_run_only() -> None:
    error = _heard(b"SSH-2.0-x\r\n")
    found = explain(error, Step.HANDSHAKE, "http", SIGNATURES)
    assert (found.cause, found.detail) == (common.OTHER_PROTOCOL, "an SSH server (x) answers")
    assert explain(error, Step.HANDSHAKE, "ssh", SIGNATURES).cause is common.MALFORMED
    assert explain(error, Step.HANDSHAKE, "http").cause is common.MALFORMED


async def _climb(rung: Rung, error: Exception) -> None:
    with pytest.raises(ClimbEnded):
        async with rung:
            raise error


async def _enter(rung: Rung) -> None:
    async with rung:
        raise AssertionError("never entered")


def test_a_rung_needs_no_probe() -> None:
    row, checks = catalogue()["http"], list[Check]()
    asyncio.run(_climb(Rung(row, Step.AUTH, SIGNATURES, Step.HANDSHAKE, "h:80", checks), _heard(b"SSH-2.0-x\r\n")))
    (check,) = checks
    assert (check.outcome, check.facts) == (Outcome.FAILED, {"speaks": "ssh"})
    with pytest.raises(ClimbEnded):
        asyncio.run(_enter(Rung(row, Step.AUTH, SIGNATURES, Step.LOGIN, "h:80", checks)))
    assert len(checks) == 1, "a step beyond the depth is not recorded"
