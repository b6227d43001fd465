"""Servers whose TLS asks for much arithmetic: no turn of the event loop takes more than 50 ms of its thread's time.

The servers compute in threads or processes of their own. Computing is counted, not waiting: a busy machine changes
nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import gc
import math
import random
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from scanready.climb import certificates
from scanready.model import Step, Verdict
from scanready.net import off_the_loop
from scanready.net.dial import dial
from scanready.net.stream import LARGEST_GROUP, Stream, TooCostly
from scanready.net.tls import TlsSession
from tests.ladder import climb, expect, finding_of, target
from tests.pace import bound

T = TypeVar("T")
LONGEST_TURN = 0.05  # CPU seconds of the loop's own thread, see tests/pace.py
Serve = Callable[[socket.socket], None]

# servers


@contextlib.contextmanager
def served(serve: Serve) -> Iterator[int]:
    """Answer each connection in a thread of its own; the port."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, SSL.Error), connection:
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def in_tls(context: ssl.SSLContext) -> Serve:
    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(b"hello\n")
            tls.recv(100)

    return serve


def issued(
    directory: Path, key: rsa.RSAPrivateKey | None = None, names: int = 1, chain: int = 0
) -> tuple[Path, rsa.RSAPrivateKey]:
    """A certificate of its own making in a PEM file with its key: ``names`` of one letter, and others behind it."""
    key = key or rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("x")] * names), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem = directory / f"{names}-{chain}-{key.key_size}.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    pem.write_bytes(certificate * (1 + chain) + secret)
    return pem, key


def context_of(pem: Path, *, group: int = 0, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    context.set_ciphers("DHE:@SECLEVEL=0" if group else "ALL:@SECLEVEL=0")
    context.load_cert_chain(pem)
    if group:
        context.load_dh_params(str(dh_parameters(pem.parent, group)))
    return context


def dh_parameters(directory: Path, bits: int) -> Path:
    """A group without a name, so that clients compute with exponents of its whole length (PKCS #3)."""
    modulus = (1 << (bits - 1)) | random.Random(bits).getrandbits(bits - 1) | 1
    body = b"".join(_tagged(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (modulus, 2))
    text = base64.encodebytes(_tagged(0x30, body)).decode()
    file = directory / f"dh{bits}.pem"
    file.write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")
    return file


def _tagged(tag: int, body: bytes) -> bytes:
    size = len(body)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets) + body


def large_rsa_key() -> rsa.RSAPrivateKey:
    """A key of 15,636 bits, made of two primes of Mersenne, with the longest exponent that OpenSSL takes (64 bits)."""
    p, q = 2**11213 - 1, 2**4423 - 1
    phi, exponent = (p - 1) * (q - 1), (1 << 63) + 29
    while math.gcd(exponent, phi) != 1:
        exponent += 2
    d = pow(exponent, -1, phi)
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def renegotiating(pem: Path, group: int) -> Serve:
    """TLS 1.2 with a group, and with the same one a second time at the first line of the client."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_file(str(pem))
    context.use_privatekey_file(str(pem))
    context.set_cipher_list(b"DHE:@SECLEVEL=0")
    context.load_tmp_dh(str(dh_parameters(pem.parent, group)).encode())
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    ends: list[int] = []
    context.set_info_callback(lambda _, where, __: ends.append(where) if where & SSL.SSL_CB_HANDSHAKE_DONE else None)

    def serve(connection: socket.socket) -> None:
        tls = SSL.Connection(context, connection)
        tls.set_accept_state()
        tls.do_handshake()
        tls.recv(100)
        tls.renegotiate()
        tls.do_handshake()  # sends the request; the handshake takes place as the client's bytes are read
        ends.clear()
        connection.setblocking(False)
        while not ends:
            select.select([connection], [], [], 10)
            with contextlib.suppress(SSL.WantReadError):
                tls.recv(100)
        connection.setblocking(True)
        tls.sendall(b"hello\n")
        tls.recv(100)

    return serve


# the loop


class MeasuringLoop(asyncio.SelectorEventLoop):
    """Keeps the longest turn in seconds of its own thread's time."""

    longest = 0.0

    def _run_once(self) -> None:
        began = time.thread_time()
        super()._run_once()  # type: ignore[misc]  # asyncio's own
        self.longest = max(self.longest, time.thread_time() - began)


def measured(main: Callable[[Stream], Coroutine[Any, Any, T]], port: int) -> T:
    """Run ``main`` on a stream; its turns, after the first use of the libraries, are short."""

    async def run() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MeasuringLoop)
        stream = await dial((socket.AF_INET, ("127.0.0.1", port)), loop.time() + 30)
        loop.longest = 0.0
        try:
            return await main(stream)
        finally:
            longest = loop.longest
            await stream.close()
            assert longest < bound(LONGEST_TURN)

    with asyncio.Runner(loop_factory=MeasuringLoop) as runner:
        return runner.run(run())


async def judged(stream: Stream) -> tuple[TlsSession, certificates.Judgement]:
    session = await stream.start_tls("x")
    await asyncio.sleep(0)
    judgement = certificates.judge(session, "another")
    await asyncio.sleep(0)
    assert await stream.receive(lambda buffer: buffer.line(100)) == b"hello"
    return session, judgement


@pytest.fixture(autouse=True, scope="module")
def _libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The system's authorities are read at the first certificate, and garbage is collected: that is no peer's doing."""
    pem, _ = issued(tmp_path_factory.mktemp("first"))
    der = x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)
    certificates.judge(TlsSession("TLSv1.3", "", None, (der,)), "x")
    gc.disable()
    yield
    gc.enable()


# groups


@pytest.mark.parametrize("bits", [2048, 4096, 8192])
def test_a_large_group_is_computed_with_outside_of_the_loop(tmp_path: Path, bits: int) -> None:
    context = context_of(issued(tmp_path)[0], group=bits, version=ssl.TLSVersion.TLSv1_2)
    with served(in_tls(context)) as port:
        session, _ = measured(judged, port)
    assert session.cipher.startswith("DHE-")


@pytest.mark.parametrize("bits", [8200, 9990])
def test_a_group_beyond_the_limit_is_not_computed_with(tmp_path: Path, bits: int) -> None:
    context = context_of(issued(tmp_path)[0], group=bits, version=ssl.TLSVersion.TLSv1_2)

    async def refused(stream: Stream) -> None:
        with pytest.raises(TooCostly, match=f"{bits} bits.* {LARGEST_GROUP}"):
            await stream.start_tls("x")

    with served(in_tls(context)) as port:
        measured(refused, port)
        report = climb(target("https", "127.0.0.1", port))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.TLS)
    assert f"{bits} bits" in finding_of(report).detail


def test_a_named_group_of_tls_1_3(tmp_path: Path) -> None:
    """OpenSSL's server asks for it by a HelloRetryRequest."""
    argv = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(issued(tmp_path)[0])]
    with subprocess.Popen(
        [*argv, "-tls1_3", "-groups", "ffdhe8192"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        try:
            port = port_of(server)
            session = measured(lambda stream: stream.start_tls("x"), port)
        finally:
            server.kill()
    assert session.version == "TLSv1.3"


def port_of(server: subprocess.Popen[bytes]) -> int:
    """Return the port that `openssl s_server` has from the system, once it listens."""
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith(b"ACCEPT "):
            return int(line.rpartition(b":")[2])
    raise AssertionError("openssl s_server does not listen")


def test_one_more_handshake_within_tls(tmp_path: Path) -> None:
    """Its messages are encrypted, so the group is not known before OpenSSL computes with it."""

    async def talk(stream: Stream) -> bytes | None:
        await stream.start_tls("x")
        await stream.send(b"go on\n")
        return await stream.receive(lambda buffer: buffer.line(100))

    with served(renegotiating(issued(tmp_path)[0], 8192)) as port:
        assert measured(talk, port) == b"hello"


def test_the_deadline_holds_while_a_thread_computes() -> None:
    going_on = threading.Event()

    async def run() -> None:
        await off_the_loop.computed(lambda: going_on.wait(30), asyncio.get_running_loop().time() + 0.05)

    try:
        with pytest.raises(TimeoutError):
            asyncio.run(run())
    finally:
        going_on.set()


# certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_key_of_sixteen_thousand_bits(tmp_path: Path, version: ssl.TLSVersion) -> None:
    pem, key = issued(tmp_path, large_rsa_key())
    assert key.key_size == 15636
    with served(in_tls(context_of(pem, version=version))) as port:
        _, judgement = measured(judged, port)
    assert judgement.faults


@pytest.mark.parametrize("names", [2_000, 10_000, 30_000])
def test_a_certificate_of_many_names(tmp_path: Path, names: int) -> None:
    with served(in_tls(context_of(issued(tmp_path, names=names)[0]))) as port:
        _, judgement = measured(judged, port)
    unread = [words for _, words in judgement.faults if "cannot be read" in words]
    assert bool(unread) == (names > 2_000)


def small_certificates(directory: Path, count: int) -> Path:
    """As many certificates as a client takes, with keys that are small and costly to read; and the key of the first."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    issued(directory)
    openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", "signs.pem")
    openssl("ecparam", "-genkey", "-noout", "-name", "sect571r1", "-out", "costly.pem")
    openssl("ec", "-in", "costly.pem", "-pubout", "-conv_form", "compressed", "-out", "public.pem")
    openssl("x509", "-new", "-force_pubkey", "public.pem", "-subj", "/CN=x", "-key", "signs.pem", "-out", "small.pem")
    small, (first, _) = (directory / "small.pem").read_bytes(), issued(directory)
    pem = directory / "chain.pem"
    pem.write_bytes(first.read_bytes() + small * count)
    return pem


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_chain_of_many_small_certificates(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = context_of(small_certificates(tmp_path, 320), version=version)
    with served(in_tls(context)) as port:
        session, _ = measured(judged, port)
    assert len(session.chain) == 321


def test_a_chain_of_many_certificates(tmp_path: Path) -> None:
    with served(in_tls(context_of(issued(tmp_path, chain=100)[0]))) as port:
        session, _ = measured(judged, port)
    assert len(session.chain) == 101
