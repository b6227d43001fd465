"""Messages of servers, as they were captured, and what reads them: for each codec, for tests of all codecs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib import import_module
from typing import Any

from fixtures.transcripts import load, names
from scanready.wire import (
    Buffer,
    UnknownValue,
    dcerpc,
    dcom,
    drda,
    epm,
    http,
    imap,
    mysql,
    nbt,
    nrpc,
    ntlm,
    postgresql,
    smb1,
    smb2,
    spnego,
    sqli,
    ssh,
    ssrp,
    tds5,
    tds7,
    teradata,
    tibero,
    tls,
    tns,
)
from scanready.wire.rpc import message as rpc
from scanready.wire.rpc import mount, nfs3, nfs4, rpcbind

#: Makes something of a whole message, or raises.
Read = Callable[[bytes], Any]


def stream(reader: Callable[[Buffer], Any]) -> Read:
    """Read a message from a buffer; None if it is not whole."""

    def read(message: bytes) -> Any:
        buffer = Buffer(message)
        buffer.eof = True
        return reader(buffer)

    return read


def _in_frame(understand: Callable[[bytes], Any]) -> Read:
    return lambda message: understand(message[4:])


def _program(parse: Callable[[bytes], Any]) -> Read:
    """Read the results of a program out of its reply."""

    def read(message: bytes) -> Any:
        reply = _rpc(message)
        return parse(reply.results) if reply.state is rpc.State.SUCCESS else reply

    return read


def _stub(parse: Callable[[bytes], Any]) -> Read:
    """Read the answer to a call, whose header has the number of the call at 12, and then its stub."""

    def read(message: bytes) -> Any:
        call = int.from_bytes(message[12:16], "little")
        answer = stream(partial(dcerpc.read_answer, call=call))(message)
        return parse(answer.stub) if isinstance(answer, dcerpc.Response) else answer

    return read


def _drda(message: bytes) -> Any:
    replies = stream(drda.read_replies)(message) or ()
    found: list[Any] = []
    for reply in replies:
        match reply.codepoint:
            case drda.EXCSATRD:
                found.append(drda.attributes_of(reply))
            case drda.ACCSECRD:
                found.append(drda.security_of(reply))
            case drda.SECCHKRM:
                found.append(drda.check_code(reply))
            case drda.SQLCARD:
                found.append(drda.sql_error(reply))
            case _ if isinstance(drda.unexpected((reply,)), UnknownValue):
                raise drda.unexpected((reply,))
            case _:
                found.append(reply)
    return found


def _spnego(token: bytes) -> Any:
    return spnego.read_offer(token) if token[:1] == b"\x60" else spnego.read_answer(token)


def _of(folder: str, *patterns: str, without: Iterable[str] = ()) -> list[str]:
    found = [name for pattern in patterns for name in names(folder, pattern)]
    return [name for name in found if not any(part in name for part in without)]


_DUMPS = _of("rpc", "*dump*.s2c.hex")
_REPLIES = _of("rpc", "*.s2c.hex")
#: By codec: transcripts, and what reads each.
SAMPLES: dict[str, list[tuple[list[str], Read]]] = {
    "dcerpc": [(_of("dcerpc", "*.s2c.hex"), stream(dcerpc.read_answer))],
    "dcom": [(_of("dcom", "*serveralive2*.s2c.hex"), _stub(dcom.read_server_alive2))],
    "drda": [(_of("drda", "*.s2c.hex"), _drda)],
    "epm": [
        (_of("epm", "*ept_lookup.s2c.hex"), _stub(epm.read_lookup)),
        (_of("epm", "samba4.17-ept_map-*.s2c.hex"), _stub(epm.read_map)),
    ],
    "http": [(_of("http", "*.s2c.hex"), stream(http.ResponseReader("GET")))],
    "imap": [
        (_of("imap", "*greeting*.s2c.hex"), stream(imap.read_greeting)),
        (_of("imap", "*.s2c.hex", without=("greeting", "http")), lambda message: _imap_answer(message)),
    ],
    "mysql": [
        (_of("mysql", "*greeting*.s2c.hex", "*err1040*.s2c.hex", "*err11[23]*.s2c.hex"), stream(mysql.read_greeting)),
        (_of("mysql", "*ok*.s2c.hex", "*authswitch*.s2c.hex", "*err1045*.s2c.hex"), stream(mysql.read_login_answer)),
    ],
    "nbt": [
        (_of("nbt", "*session-*.s2c.hex") + _of("smb", "*.s2c.hex"), stream(nbt.read_frame)),
        (_of("nbt", "*nbstat.s2c.hex"), lambda message: nbt.read_node_status(message, 0x1234)),
    ],
    "nrpc": [(_of("nrpc", "*.s2c.hex"), stream(nrpc.read_opened))],
    "ntlm": [(_of("ntlm", "*challenge.s2c.hex"), ntlm.read_challenge)],
    "postgresql": [
        (_of("postgresql", "*sslrequest-yes*.s2c.hex"), stream(postgresql.read_ssl_answer)),
        (
            _of("postgresql", "*auth-*.s2c.hex", "*-[0-9]*.s2c.hex", "*negotiate*.s2c.hex"),
            stream(postgresql.read_startup_answer),
        ),
    ],
    "rpc.message": [(_REPLIES, lambda message: _rpc(message))],
    "rpc.mount": [(_of("rpc", "mount3-mnt*.s2c.hex"), _program(mount.parse_mounted))],
    "rpc.nfs3": [(_of("rpc", "SYNTH-nfs3-*.s2c.hex"), _program(nfs3.parse_access))],
    "rpc.nfs4": [(_of("rpc", "nfs4.*.s2c.hex", without=("authnone",)), _program(nfs4.parse))],
    "rpc.rpcbind": [
        (_of("rpc", "pmap2-dump*.s2c.hex"), _program(partial(rpcbind.parse_dump, version=2))),
        (_of("rpc", "rpcb[34]-dump*.s2c.hex"), _program(partial(rpcbind.parse_dump, version=4))),
    ],
    "smb1": [
        (_of("smb", "*smb1-negotiate*.s2c.hex"), _in_frame(smb1.read_negotiate)),
        (_of("smb", "*smb1-sessionsetup*.s2c.hex"), _in_frame(smb1.read_session_setup)),
    ],
    "smb2": [
        (_of("smb", "*smb2-negotiate*.s2c.hex", "*encryption-negotiate.s2c.hex"), _in_frame(smb2.read_negotiate)),
        (_of("smb", "*sessionsetup*.s2c.hex", without=("smb1", "anon")), _in_frame(smb2.read_session_setup)),
    ],
    "spnego": [(_of("spnego", "*.s2c.hex"), _spnego)],
    "sqli": [(_of("sqli", "*.s2c.hex"), stream(sqli.read_answer))],
    "ssh": [
        (_of("ssh", "*banner*.s2c.hex"), stream(ssh.read_identification)),
        (_of("ssh", "*kexinit*.s2c.hex"), stream(ssh.read_kexinit)),
    ],
    "ssrp": [(_of("ssrp", "*.s2c.hex"), ssrp.read_answer)],
    "tds5": [(_of("tds5", "*.s2c.hex"), stream(tds5.read_answer))],
    "tds7": [
        (_of("tds7", "*-prelogin-*.s2c.hex"), stream(tds7.read_prelogin)),
        (_of("tds7", "SYNTH-login-*.s2c.hex"), stream(tds7.read_login_answer)),
    ],
    "teradata": [(_of("teradata", "*config-response*.s2c.hex", "*error*.s2c.hex"), stream(teradata.read_answer))],
    "tibero": [(_of("tibero", "*.s2c.hex"), stream(tibero.read_greeting))],
    "tls": [(_of("tls", "*.s2c.hex"), lambda message: (tls.alert(message), tls.looks_like_tls(message)))],
    "tns": [
        (
            _of("tns", "*.s2c.hex", without=("resend", "two-packets", "long", "login", "oracledb")),
            stream(tns.read_answer),
        )
    ],
}


def _imap_answer(message: bytes) -> Any:
    tag = next(line for line in message.split(b"\n") if line and not line.startswith(b"*")).split(b" ")[0].decode()
    return stream(partial(imap.read_answer, tag=tag, logout=True))(message)


def _rpc(message: bytes) -> Any:
    """A reply over TCP begins with its record mark, one over UDP with its number."""
    return stream(rpc.read_reply)(message) if message[:1] == b"\x80" else rpc.parse_reply(message)


@cache
def samples(codec: str) -> list[tuple[bytes, Read]]:
    """Return each message of a codec with what reads it; a codec that is not listed here has them in its own test."""
    of_codec = SAMPLES.get(codec) or import_module(f"tests.wire.test_{codec}").SAMPLES
    return [(load(name), read) for listed, read in of_codec for name in listed]


def messages(codec: str) -> list[bytes]:
    """Return the messages of a codec."""
    return [message for message, _ in samples(codec)]
