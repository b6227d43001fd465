"""paramiko and the agent's ssh client: their opinions, and the errors from the wire. SFTP is written here, in bytes."""

from __future__ import annotations

import base64
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa

from fixtures.emulators import in_background, ssh
from scanready.model import Credential, Owner, Report, Step
from scanready.targets.ssh import client as openssh
from tests.ladder import climb, expect, finding_of, passed, target
from tests.libraries.provoking import Provoke, demand
from tests.targets.ssh.ssh_peers import RIGHT, Quirk, visit, write_client

KEY = paramiko.ECDSAKey.generate()
#: draft-ietf-secsh-filexfer-02: the types, and the statuses of STATUS.
INIT, VERSION, REALPATH, STATUS, ATTRS = 1, 2, 16, 101, 105
FAILURE, BAD_MESSAGE, CONNECTION_LOST, UNSUPPORTED = 4, 5, 7, 8


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def status(code: int, words: str = "Failure") -> Callable[[bytes], bytes]:
    return lambda number: packet(STATUS, number + struct.pack(">II", code, len(words)) + words.encode() + bytes(4))


def sftp(answer: Callable[[bytes], bytes]) -> type[Quirk]:
    """A server whose SFTP answers the first question so; the function is given the question's number."""

    class Sftp(Quirk):
        def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
            def talk() -> None:
                self._consented.wait(5)
                channel.recv(1024)
                channel.sendall(packet(VERSION, struct.pack(">I", 3)))
                asked = channel.recv(4096)
                channel.sendall(answer(asked[5:9]))

            threading.Thread(target=talk, daemon=True).start()
            return True

    return Sftp


class Garbles(Quirk):
    """Answers our command with a packet whose MAC is of another key.

    Garbage would do so only mostly: its length, deciphered, is any, and a client waits for that many bytes.
    """

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        vars(self.transport.packetizer)["_Packetizer__mac_key_out"] = b"another key" * 8
        return True


class GarblesGcm(Quirk):
    """The same with a cipher that has its own check, which fails in cryptography and not in paramiko."""

    garbage = struct.pack(">I", 32) + b"\x5a" * 48  # this cipher's length is in clear text

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.transport.packetizer.write_all(self.garbage)
        return True

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__(transport)
        transport.get_security_options().ciphers = ["aes128-gcm@openssh.com"]


class HangsUp(Quirk):
    """Ends the connection in place of the answer to our command."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.transport.sock.close()
        return False


def kexinit(cipher: str) -> bytes:
    """KEXINIT (RFC 4253, 7.1) in a packet of its own, with one cipher."""
    lists = ["curve25519-sha256", "ssh-ed25519", cipher, cipher, *["hmac-sha2-256"] * 2, *["none"] * 2, "", ""]
    payload = b"\x14" + bytes(16) + b"".join(struct.pack(">I", len(one)) + one.encode() for one in lists) + bytes(5)
    padding = -(len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def of_cipher(name: str) -> Provoke:
    def provoke() -> Report:
        with in_background(ssh.openssh(ssh.BANNER_9_2, kexinit(name))) as server:
            return climb(target("ssh", "127.0.0.1", server.port, RIGHT))

    return provoke


PROVOKED: dict[str, Provoke] = {
    "ssh-cipher": of_cipher("chacha20-poly1305@openssh.com"),
    "ssh-sftp-answer": lambda: visit(sftp(lambda number: packet(ATTRS, number + bytes(4))), KEY, type_="ssh"),
    "ssh-mac": lambda: visit(Garbles, KEY),
    "ssh-sftp-failure": lambda: visit(sftp(status(FAILURE)), KEY, type_="ssh"),
    "ssh-hang-up-later": lambda: visit(HangsUp, KEY),
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


def test_a_cipher_with_a_check_of_its_own() -> None:
    report = visit(GarblesGcm, KEY)
    demand("ssh-mac", report)
    assert "InvalidTag" in finding_of(report).detail


def test_ssh_key_kind(tmp_path: Path) -> None:
    """OpenSSH up to 9.7 logs in with DSA; paramiko 4 has none."""
    key = dsa.generate_private_key(1024)
    file = tmp_path / "id_dsa"
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    report = visit(Quirk, KEY, Credential("k", "svc", key_file=str(file)))
    demand("ssh-key-kind", report)
    assert report.footprint.login_attempts == 0


def test_a_key_in_hardware_is_our_limit(tmp_path: Path) -> None:
    """cryptography has no key whose secret is in a token (PROTOCOL.u2f of OpenSSH)."""

    def text(value: bytes) -> bytes:
        return struct.pack(">I", len(value)) + value

    kind = text(b"sk-ssh-ed25519@openssh.com")
    private = bytes(8) + kind + text(bytes(32)) + text(b"ssh:") + b"\x01" + text(bytes(32)) + text(b"") + text(b"me")
    whole = b"openssh-key-v1\0" + text(b"none") * 2 + text(b"") + struct.pack(">I", 1)
    whole += text(kind + text(bytes(32)) + text(b"ssh:")) + text(private + bytes(range(1, -len(private) % 8 + 1)))
    body = base64.encodebytes(whole).decode()
    file = tmp_path / "id_sk"
    file.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n")
    report = visit(Quirk, KEY, Credential("k", "svc", key_file=str(file)))
    expect(report, report.verdict, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)


def test_ssh_client_missing(client: Path) -> None:
    client.unlink()
    report = visit(Quirk, KEY, None)
    demand("ssh-client-missing", report)


@pytest.mark.parametrize("code", [FAILURE, BAD_MESSAGE, CONNECTION_LOST, UNSUPPORTED, 31])
def test_a_status_that_names_no_right_denies_none(code: int) -> None:
    report = visit(sftp(status(code, "it says")), KEY, type_="ssh")
    expect(report, report.verdict, "ssh.sftp-failed", step=Step.ACCESS, owner=Owner.SERVER)
    assert "it says" in finding_of(report).detail
    passed(report, Step.LOGIN)


@pytest.mark.parametrize(("code", "cause"), [(2, "access.not-found"), (3, "access.denied")])
def test_the_statuses_that_have_a_reason(code: int, cause: str) -> None:
    report = visit(sftp(status(code)), KEY, type_="ssh")
    expect(report, report.verdict, cause, step=Step.ACCESS)
