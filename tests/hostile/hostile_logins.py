"""Hostile servers for logins, raw: each brings a library to its login, and then behaves badly.

The bytes are written here and not with the codecs of the package: a mistake of theirs would be on both sides.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanready.clients.login_process.lent import Lent
from scanready.model import Credential
from scanready.net.stream import Stream
from scanready.targets.ews import login as ews
from scanready.targets.imap import login as imap
from scanready.targets.informix import login as informix
from scanready.targets.mssql import login as mssql
from scanready.targets.mssql.login_reading import Where as MssqlWhere
from scanready.targets.mysql import login as mysql
from scanready.targets.mysql.login_reading import Where as MysqlWhere
from scanready.targets.oracle import login as oracle
from scanready.targets.postgresql import login as postgresql
from scanready.targets.smb import login as smb
from scanready.targets.ssh import login as ssh
from scanready.targets.web import login as web
from scanready.targets.windows import login as windows

SECRET = "horse-battery-7"
CREDENTIAL = Credential("scan", "scan", SECRET)
BEHAVIOURS = ("endless", "announced", "drips", "redirect", "echoes", "resets")


@dataclass(frozen=True, slots=True)
class Library:
    """One login library, and how a server leads it to its login.

    Attributes:
        name: of the library.
        visit: its login.
        where: makes the place from the port and a function that connects there.
        opening: sent before the client's first message.
        turns: answers to the client's first messages.
        endless: repeated for ever after those.
        announced: says that 4 GB, or the most that the protocol can say, follow; then they do.
        redirect: leads to the host and port.
        echo: refuses the login in a text that has the secret.
    """

    name: str
    visit: Callable[..., Any]
    where: Callable[[int, Callable[[], Any]], Any]
    opening: bytes = b""
    turns: Sequence[bytes] = ()
    endless: bytes = b"\0" * 4096
    announced: bytes = b"\xff" * 8
    redirect: Callable[[str, int], bytes] = field(default=lambda host, port: f"{host}:{port}\r\n".encode())
    echo: bytes = b"login failed for password " + SECRET.encode() + b"\r\n"


def _postgresql(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("!I", len(body) + 4 if length is None else length) + body


def _oracle_redirect(host: str, port: int) -> bytes:
    text = f"(ADDRESS=(PROTOCOL=tcp)(HOST={host})(PORT={port}))\0(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=S)))".encode()
    first = struct.pack(">H", len(text))
    redirect = struct.pack(">HHBBH", 8 + len(first), 0, 5, 0, 0) + first
    return redirect + struct.pack(">HHBBH", 10 + len(text), 0, 6, 0, 0) + b"\0\0" + text


def _http(status: str, headers: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + body


def _bomb(megabytes: int) -> bytes:
    """Return so many zeros as gzip (RFC 1952), a thousandth of that. No reader gets as far as its checksum."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + megabytes * block + packer.flush() + bytes(8)


_BOMB = _bomb(600)
_NTLM = "WWW-Authenticate: NTLM\r\nContent-Encoding: gzip\r\n"
_MD5 = _postgresql(b"R", b"\0\0\0\5salt")
_SESSION = _postgresql(b"R", b"\0\0\0\0") + _postgresql(b"Z", b"I")
_GREETING = (
    b"\x0a5.7.1\0" + b"\1\0\0\0" + b"saltsalt\0" + b"\xff\xf7\x21\2\0\x0f\x80\x15" + bytes(10) + b"saltsaltsalt\0"
    b"mysql_native_password\0"
)
_MYSQL = len(_GREETING).to_bytes(3, "little") + b"\0" + _GREETING


def _lent(connect: Callable[[], Any]) -> Lent:
    async def opened() -> Stream:
        found: Stream = await connect()
        return found

    return Lent(opened, piped=True)


def _web(scheme: str) -> Callable[[int, Any], Any]:
    return lambda port, _: web.Where(f"http://127.0.0.1:{port}/", scheme, "test")


def _leads(host: str, port: int) -> bytes:
    return _http("302 Found", f"Location: http://{host}:{port}/\r\nContent-Length: 0\r\n")


_REFUSES = _http("401 Unauthorized", f"WWW-Authenticate: Basic realm={SECRET}\r\nContent-Length: 0\r\n")

LIBRARIES = (
    Library(
        "imapclient",
        imap.visit,
        lambda port, _: imap.Where("127.0.0.1", "localhost", port, "none", True, frozenset()),
        opening=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
        endless=b"* 1 FETCH (UID 1)\r\n" * 200,
        announced=b"* 1 FETCH (BODY[] {4294967295}\r\n",
        redirect=lambda host, port: f"* NO [REFERRAL imap://scan@{host}:{port}/] go there\r\n".encode(),
        echo=b"* BYE login failed for password " + SECRET.encode() + b"\r\n",
    ),
    Library(
        "psycopg",
        postgresql.visit,
        lambda _, connect: postgresql.Where("localhost", _lent(connect), "db", None, encrypted=False),
        turns=(_MD5, _SESSION),
        endless=_postgresql(b"N", b"SNOTICE\0C00000\0M" + b"x" * 4000 + b"\0\0"),
        announced=_postgresql(b"D", b"\0\1\x7f\xff\xff\xff", 0x7FFFFFFE),
        echo=_postgresql(b"E", b"SFATAL\0C28P01\0Mwrong password " + SECRET.encode() + b"\0\0"),
    ),
    Library(
        "psycopg, for a server with TLS",
        postgresql.visit,
        lambda _, connect: postgresql.Where("localhost", _lent(connect), "db", None, encrypted=True),
        turns=(_MD5, _SESSION),
        endless=_postgresql(b"N", b"SNOTICE\0C00000\0M" + b"x" * 4000 + b"\0\0"),
        announced=_postgresql(b"D", b"\0\1\x7f\xff\xff\xff", 0x7FFFFFFE),
        echo=_postgresql(b"E", b"SFATAL\0C28P01\0Mwrong password " + SECRET.encode() + b"\0\0"),
    ),
    Library(
        "pymysql",
        mysql.visit,
        lambda _, connect: MysqlWhere(_lent(connect), _MYSQL, "localhost"),
        announced=b"\xff\xff\xff\2",
        echo=b"\x26\0\0\2\xff\x15\x04#28000password " + SECRET.encode() + b" is wrong",
    ),
    Library(
        "pytds",
        mssql.visit,
        lambda _, connect: MssqlWhere(_lent(connect), "localhost", encrypted=False, cleartext=True),
        endless=b"\4\0\x10\0\0\0\1\0" + b"\xe3" * 4088,
        announced=b"\4\0\xff\xff\0\0\1\0",
        redirect=lambda host, port: b"\4\1\0\x20\0\0\1\0\xe3\x15\0\x14" + host.encode(),
    ),
    Library(
        "oracledb",
        oracle.visit,
        lambda port, _: oracle.Where("127.0.0.1", port, "S", None, None, encrypted=False),
        endless=struct.pack(">HHBBH", 4096, 0, 6, 0, 0) + bytes(4088),
        announced=b"\xff\xff\xff\xff\6\0\0\0",
        redirect=_oracle_redirect,
    ),
    Library(
        "informix-driver",
        informix.visit,
        lambda port, _: informix.Where("127.0.0.1", port, "ol", "hr", None, encrypted=False),
        endless=b"\x0f\xff\2\x3d\0\0" + bytes(4089),
        announced=b"\x7f\xff\2\x3d\0\0",
    ),
    Library(
        "impacket, SMB",
        smb.visit,
        lambda port, _: smb.Where("localhost", "127.0.0.1", port),
        announced=b"\0\xff\xff\xff",
    ),
    Library(
        "impacket, SMB kept alive",
        smb.visit,
        lambda port, _: smb.Where("localhost", "127.0.0.1", port),
        endless=b"\x85\0\0\0" * 1024,
        announced=b"\x85\1\xff\xff",
    ),
    Library(
        "impacket, DCOM",
        windows.visit,
        lambda port, _: windows.Where("127.0.0.1", "127.0.0.1", port, smb_port=None),
        endless=b"\5\0\x0c\3\x10\0\0\0\xff\xff\0\0\1\0\0\0" + bytes(65519),
        announced=b"\5\0\x0c\3\x10\0\0\0\xff\xff\xff\xff\1\0\0\0",
    ),
    Library(
        "requests, basic",
        web.visit,
        _web("basic"),
        endless=b"X-Header: " + b"x" * 1000 + b"\r\n",
        announced=_http("401 Unauthorized", "Content-Length: 4294967296\r\nWWW-Authenticate: Basic\r\n"),
        echo=_REFUSES,
        redirect=_leads,
    ),
    Library(
        "requests_ntlm",
        web.visit,
        _web("ntlm"),
        endless=_http("401 Unauthorized", _NTLM + f"Content-Length: {len(_BOMB)}\r\n", _BOMB),
        announced=_http("401 Unauthorized", "WWW-Authenticate: NTLM\r\nContent-Length: 4294967296\r\n"),
        echo=_REFUSES,
        redirect=_leads,
    ),
    Library(
        "requests, digest",
        web.visit,
        _web("digest"),
        endless=_http("401 Unauthorized", f"WWW-Authenticate: Digest nonce=x, realm=y\r\n{_NTLM}\r\n", _BOMB),
        announced=_http(
            "401 Unauthorized", "WWW-Authenticate: Digest nonce=x, realm=y\r\nContent-Length: 4294967296\r\n"
        ),
        echo=_REFUSES,
        redirect=_leads,
    ),
    Library(
        "exchangelib",
        ews.visit,
        lambda port, _: ews.Where(f"http://127.0.0.1:{port}/EWS/Exchange.asmx", "ntlm", "test"),
        endless=_http("401 Unauthorized", _NTLM + f"Content-Length: {len(_BOMB)}\r\n", _BOMB),
        announced=_http("401 Unauthorized", "WWW-Authenticate: NTLM\r\nContent-Length: 4294967296\r\n"),
        echo=_REFUSES,
        redirect=_leads,
    ),
    Library(
        "paramiko",
        ssh.visit,
        lambda port, connect: ssh.Where(_lent(connect), "localhost", port, "127.0.0.1"),
        opening=b"SSH-2.0-hostile\r\n",
        announced=b"\xff\xff\xff\xff\4\x14",
        endless=b"\0\0\x10\0" + b"\4\2" + b"x" * 4096,
    ),
)


class Server:
    """A hostile server for one library; use as a context manager.

    Attributes:
        port: where it listens.
        received: everything that clients sent.
    """

    def __init__(self, library: Library, behaviour: str, thief: int) -> None:
        self._library = library
        self._behaviour = behaviour
        self._thief = thief
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.received = b""

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(20)
            if self._library.opening:
                sock.sendall(self._library.opening)
            for turn in (*self._library.turns, b""):
                self.received += sock.recv(1 << 16)
                sock.sendall(turn)
            for piece in self._pieces():
                if self._over.is_set():
                    return
                sock.sendall(piece)
            if self._behaviour == "resets":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._over.wait(20)

    def _pieces(self) -> Iterator[bytes]:
        library = self._library
        match self._behaviour:
            case "endless":
                while True:
                    yield library.endless
            case "announced":
                yield library.announced
                for _ in range(4096):
                    yield bytes(1 << 20)
            case "drips":
                for at in range(len(library.endless)):
                    yield library.endless[at : at + 1]
                    time.sleep(0.1)
            case "redirect":
                yield library.redirect("127.0.0.2", self._thief)
            case "echoes":
                yield library.echo
