"""Helpers for the tests of `unix` and `ssh`: an agent's ssh client, and servers that accept logins.

The servers are paramiko's own server side with one scripted quirk each. They also serve the first connection of a
check, which exchanges no keys.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from fixtures.emulators import Reader, Record, Writer
from scanready.model import Credential, Report
from tests.ladder import account, climb, target

# The literal output of OpenSSH_9.2p1 (Debian 12); that of `ssh -G` is cut to the lines that matter.
VERSION = "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.22 25 Aug 2026"
KEX = "sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256"
HOST_KEYS = "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256"
CIPHERS = "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com"
MACS = "umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha1"
KNOWS = {
    "kex": "diffie-hellman-group1-sha1 diffie-hellman-group14-sha256 curve25519-sha256 sntrup761x25519-sha512",
    "key": "ssh-ed25519 ecdsa-sha2-nistp256 ssh-dss ssh-rsa",
    "key-sig": "ssh-ed25519 ecdsa-sha2-nistp256 ssh-dss ssh-rsa rsa-sha2-256 rsa-sha2-512",
    "cipher": "3des-cbc aes128-cbc aes128-ctr aes256-ctr aes128-gcm@openssh.com chacha20-poly1305@openssh.com",
    "mac": "hmac-sha1 hmac-sha2-256 hmac-md5 umac-64-etm@openssh.com hmac-sha2-256-etm@openssh.com",
}


def write_client(
    directory: Path, kex: str = KEX, host_keys: str = HOST_KEYS, ciphers: str = CIPHERS, knows: dict[str, str] = KNOWS
) -> Path:
    """Write a program `ssh` that answers -V, -Q and -G, and notes every call in `calls` beside it."""
    queries = "\n".join(f"    {name}) echo '{names}' ;;" for name, names in knows.items())
    program = directory / "ssh"
    program.write_text(
        f"""#!/bin/sh
echo "$*" >> {directory}/calls
case $1 in
-V) echo '{VERSION}' >&2 ;;
-Q) case $2 in
{queries}
    *) exit 255 ;;
    esac ;;
-G) echo 'kexalgorithms {kex}'
    echo 'hostkeyalgorithms {host_keys}'
    echo 'ciphers {ciphers}'
    echo 'macs {MACS}'
    echo 'userknownhostsfile {directory}/known_hosts'
    echo 'globalknownhostsfile /nonexistent' ;;
*) exit 255 ;;
esac
"""
    )
    program.chmod(0o755)
    return program


class Quirk(paramiko.ServerInterface):
    """Accept the password "right" from every user, answer each command with ``output``, and offer no SFTP."""

    methods = "password"
    output: bytes | None = b"hello\n"
    status = 0

    def __init__(self, transport: paramiko.Transport) -> None:
        self.transport = transport
        self._consented = threading.Event()
        send = transport._send_user_message  # type: ignore[attr-defined]  # paramiko's own

        def sent(message: paramiko.Message) -> None:
            send(message)
            if message.asbytes()[:1] == b"\x63":  # CHANNEL_SUCCESS: only after it may output come
                self._consented.set()

        transport._send_user_message = sent  # type: ignore[attr-defined]  # paramiko's own

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if password == "right" else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self.output is None:
            return False
        output, status = self.output, self.status

        def answer() -> None:
            self._consented.wait(5)
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                channel.sendall(output)
                channel.send_exit_status(status)
                channel.close()

        threading.Thread(target=answer, daemon=True).start()
        return True


class Peer:
    """A listening server on the loopback interface."""

    def __init__(
        self,
        quirk: Callable[[paramiko.Transport], paramiko.ServerInterface],
        key: paramiko.PKey,
        host: str = "127.0.0.1",
        software: str = "OpenSSH_9.2p1",
    ) -> None:
        self._quirk, self.key, self._software = quirk, key, software
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                transport = paramiko.Transport(sock)
                transport.local_version = f"SSH-2.0-{self._software}"
                transport.add_server_key(self.key)
                self.transports.append(transport)
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=self._quirk(transport), event=threading.Event())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for transport in self.transports:
            transport.close()


@contextlib.contextmanager
def peer(
    quirk: Callable[[paramiko.Transport], paramiko.ServerInterface],
    key: paramiko.PKey,
    host: str = "127.0.0.1",
    software: str = "OpenSSH_9.2p1",
) -> Iterator[Peer]:
    served = Peer(quirk, key, host, software)
    try:
        yield served
    finally:
        served.close()


RIGHT, WRONG = account("svc", "right"), account("svc", "n0t-the-one")


def visit(
    quirk: type[Quirk],
    key: paramiko.PKey,
    credential: Credential | None = RIGHT,
    type_: str = "unix",
    software: str = "OpenSSH_9.2p1",
    **options: Any,
) -> Report:
    with peer(quirk, key, software=software) as server:
        return climb(target(type_, "127.0.0.1", server.port, credential, **options))


GOOD = """login script says hi
scanready-begin
system=Linux x86_64
directory=/tmp
is=directory
is=writable
free=5000000
mount=rw,nosuid,relatime
scanready-end
"""


def found(**changes: str) -> type[Quirk]:
    text = GOOD
    for old, new in changes.items():
        text = text.replace({"mount": "mount=rw", "free": "free=5000000", "is": "is=writable\n"}[old], new)

    class Found(Quirk):
        output = text.encode()

    return Found


def ran(text: str, status: int) -> type[Quirk]:
    class Ran(Quirk):
        output = text.encode()

    Ran.status = status
    return Ran


def send(transport: paramiko.Transport, kind: int, *fields: str | int) -> None:
    message = paramiko.Message()
    message.add_byte(bytes([kind]))
    for value in fields:
        message.add_int(value) if isinstance(value, int) else message.add_string(value)
    transport._send_message(message)  # type: ignore[attr-defined]  # paramiko's own


async def says_nothing(reader: Reader, writer: Writer, record: Record) -> None:
    """Wait for the peer to go."""
    await reader.read()
