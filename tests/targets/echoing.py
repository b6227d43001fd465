"""A server of each type that logs in, which repeats the password: it knows it, and puts it into a text of its own.

That is the words of a refusal, a reason, a realm, a banner, or the name of a server.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import paramiko
from paramiko.common import AUTH_FAILED

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    ews,
    in_background,
    informix,
    informix_session,
    misbehave,
    mssql,
    mysql,
    oracle,
    oracle_session,
    smb,
    sybase,
)
from fixtures.emulators.certificates import authority
from fixtures.emulators.postgresql import AUTH_CLEARTEXT
from tests.targets.imap.imap_peers import mailbox
from tests.targets.ssh.ssh_peers import Quirk, peer
from tests.websites import answer, site

#: The emulators' own password, by which some of them decide.
SECRET = "Passw0rd!"
#: A word of our own texts as a password. The text around it must go, or what is left would tell the word.
WORD = "password"
#: In every text, beside the secret.
MARK = "zqxj"

Peer = AbstractContextManager[Any]


def forms(secret: str) -> list[str]:
    """The forms that fit into any text."""
    raw = secret.encode()
    return [
        secret,
        secret.upper(),
        raw.hex(),
        raw.hex().upper(),
        "".join(f"%{octet:02X}" for octet in raw),
        *(base64.b64encode(b"x" * shift + raw + b"yz").decode() for shift in range(3)),
        base64.b64encode(b"\0er\0" + raw).decode(),
        secret.encode("utf-16-le").hex(),
    ]


def echoing(secret: str) -> str:
    return f"{MARK} {' '.join(forms(secret))} {MARK}"


def postgresql(text: str) -> Behaviour:
    """PostgreSQL that asks for a clear-text password, and refuses it in such words."""
    body = b"SFATAL\0VFATAL\0C28P01\0M" + text.encode() + b"\0\0"

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4))
            startup = await reader.readexactly(length - 4)
            if startup[:2] == b"\0\3":
                break
            writer.write(b"N")
        writer.write(AUTH_CLEARTEXT)
        await reader.readexactly(1)
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
        writer.write(b"E" + (len(body) + 4).to_bytes(4) + body)

    return behaviour


def _mysql(text: str) -> Behaviour:
    body = b"\xff\x15\x04#28000" + text.encode()
    error = len(body).to_bytes(3, "little") + b"\x02" + body
    return mysql.server(mysql.GREETING_10_11_PLAIN, verdict=error)


def _imap(text: str) -> Behaviour:
    return mailbox(LOGIN=b"c1 NO [AUTHENTICATIONFAILED] " + text.encode() + b"\r\n")


def _web(text: str) -> Behaviour:
    return site({"/": answer(f"401 {text}", f'WWW-Authenticate: Basic realm="{text}"', f"X-Powered-By: {text}")})


def _ews(text: str) -> Behaviour:
    return ews.Exchange(refuses=ews.answer(f"403 {text}", f"X-Reason: {text}"))


def _ssh(text: str) -> type[Quirk]:
    class Echo(Quirk):
        def get_banner(self) -> tuple[str, str]:
            return text, "en-US"

        def check_auth_password(self, username: str, password: str) -> int:
            self.transport.close()
            return AUTH_FAILED

    return Echo


def _smb(text: str) -> Behaviour:
    """The name of the server, as long as the one it replaces."""
    name = text.replace(MARK, "").strip()[:17].ljust(17, ".")
    challenge = smb.WINDOWS_CHALLENGE.replace("fs01.corp.example".encode("utf-16-le"), name.encode("utf-16-le"))
    return smb.server(replace(smb.WINDOWS, challenge=challenge))


def _complaint(text: str) -> bytes:
    return oracle_session.complaint(1017, text[:200])  # its length is one octet


@contextlib.contextmanager
def _sshd(text: str) -> Iterator[Any]:
    with peer(_ssh(text), paramiko.ECDSAKey.generate()) as server:
        yield server


def _served(behaviour: Callable[[str], Behaviour], *, tls: bool = False) -> Callable[[str], Peer]:
    return lambda text: in_background(behaviour(text), tls=authority().context("good") if tls else None)


CLEAR = {"allow_cleartext": True}
#: By type: a server that says a text where the login, or what follows it, meets it; and the options of the target.
ECHOES: dict[str, tuple[Callable[[str], Peer], dict[str, Any]]] = {
    "postgresql": (_served(postgresql), CLEAR),
    "mysql": (_served(_mysql), CLEAR),
    "mssql": (_served(lambda text: mssql.Server(refusal=mssql.refusing((18456, text)))), {}),
    "sybase": (_served(lambda text: sybase.server(login=sybase.refused(4002, 14, text))), CLEAR),
    "informix": (
        _served(lambda text: informix.server(refusals={2: informix_session.error(-201, near=text.encode())})),
        {"server": "ol_hr", **CLEAR},
    ),
    "db2": (
        _served(lambda text: db2.server(mechanisms=(3,), database=db2.sql_card(-1060, "08004", text.encode()))),
        {"database": "SAMPLE", **CLEAR},
    ),
    "oracle": (
        _served(lambda text: oracle.listener(refusals={oracle_session.AUTH_TWO: _complaint(text)})),
        {"service": "ORCL"},
    ),
    "imap": (_served(_imap), CLEAR),
    "imaps": (_served(_imap, tls=True), {}),
    "http": (_served(_web), CLEAR),
    "https": (_served(_web, tls=True), {}),
    "ews": (_served(_ews, tls=True), {}),
    "ssh": (_sshd, {}),
    "unix": (_sshd, {}),
    "smb": (_served(_smb), {}),
    # The emulators of these say no text of their own at a login: they greet with it.
    "teradata": (_served(lambda text: misbehave.says(text.encode())), CLEAR),
    "windows": (_served(lambda text: misbehave.says(text.encode())), {}),
}
