"""OpenSSL and cryptography: their opinions, and the errors from the wire. TLS is written here, in bytes."""

from __future__ import annotations

import base64
import datetime
import ssl
import struct
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from fixtures.emulators.certificates import authority
from scanready.climb.explain import explain
from scanready.model import Report, Step
from scanready.net.stream import TlsError
from tests.ladder import climb, finding_of, target
from tests.libraries.provoking import Provoke, demand
from tests.websites import OK, site

DHE_RSA = 0x0033  # TLS_DHE_RSA_WITH_AES_128_CBC_SHA
#: A safe prime of 512 bits, as export-grade servers had it.
PRIME = bytes.fromhex(
    "da583c16d9852289d0e4af756f4cca92dd4be533b804fb0fed94ef9c8a4403ed574650d36999db29d776276ba2d3d412e218f4dd1e084cf6d8003e7c4774e833"
)


def record_of(kind: int, body: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def vector(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


def certificate() -> tuple[bytes, str]:
    """A certificate with an RSA key, self-signed (DER), and its key (PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(3650))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), pem.decode()


def export_grade() -> Behaviour:
    """TLS 1.2 up to the ServerKeyExchange of a Diffie-Hellman group of 512 bits (RFC 5246, 7.4.3)."""
    hello = struct.pack(">H", 0x0303) + bytes(32) + b"\0" + struct.pack(">HB", DHE_RSA, 0)
    chain = vector(vector(certificate()[0], 3), 3)
    exchange = vector(PRIME) + vector(b"\2") + vector(PRIME[:-1] + b"\x01") + b"\x04\x01" + vector(bytes(256))
    flight = b"".join(
        record_of(22, handshake(kind, body)) for kind, body in ((2, hello), (11, chain), (12, exchange), (14, b""))
    )
    return says(flight)


def says(flight: bytes) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        head = await reader.readexactly(5)
        await reader.readexactly(int.from_bytes(head[3:], "big"))
        writer.write(flight)
        await writer.drain()
        await reader.read(1024)

    return behaviour


def https(behaviour: Behaviour, context: ssl.SSLContext | None = None, trusted: Path | None = None) -> Report:
    with in_background(behaviour, tls=context) as server:
        where = target("https", "127.0.0.1", server.port)
        return climb(where, canary=False, ca_file=str(trusted or authority().ca_file))


PROVOKED: dict[str, Provoke] = {
    "tls-small-group": lambda: https(export_grade()),
    "tls-alert": lambda: https(says(record_of(21, b"\x02\x50"))),
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


def test_openssls_words_are_told() -> None:
    assert "dh key too small" in finding_of(PROVOKED["tls-small-group"]()).detail


def test_certificate_version(tmp_path: Path) -> None:
    """The version is 10 in place of 3; the signature is right, and OpenSSL finds nothing wrong with it."""
    plain = x509.load_der_x509_certificate((own := certificate())[0])
    signer = serialization.load_pem_private_key(own[1].encode(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    body = plain.tbs_certificate_bytes.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1)
    signature = signer.sign(body, padding.PKCS1v15(), hashes.SHA256())
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")  # sha256WithRSAEncryption
    inner = body + algorithm + b"\x03\x82" + vector(b"\0" + signature)
    odd = base64.encodebytes(b"\x30\x82" + vector(inner)).decode()
    pem = tmp_path / "odd.pem"
    pem.write_text(f"-----BEGIN CERTIFICATE-----\n{odd}-----END CERTIFICATE-----\n{own[1]}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    report = https(site({"/": OK}), context, pem)
    demand("certificate-version", report)
    assert "cryptography" in finding_of(report).detail


@pytest.mark.parametrize(
    "reason",
    [
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "CA_MD_TOO_WEAK",
        "EXCESSIVE_MESSAGE_SIZE",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "UNSUPPORTED_COMPRESSION_ALGORITHM",
        "MODULUS_TOO_LARGE",
        "WRONG_SIGNATURE_TYPE",
        "NESTED_ASN1_ERROR",
    ],
)
def test_a_policy_of_openssl_is_a_limit(reason: str) -> None:
    finding = explain(TlsError(reason, b"\x16\3\3", securing=True), Step.TLS, "tls")
    assert finding.cause.code == "scanready.limit"
    assert "OpenSSL" in finding.detail


@pytest.mark.parametrize(
    "reason", ["TLSV1_UNSUPPORTED_EXTENSION", "TLSV1_ALERT_EXPORT_RESTRICTION", "UNEXPECTED_MESSAGE"]
)
def test_an_alert_of_the_server_and_broken_tls_are_not(reason: str) -> None:
    finding = explain(TlsError(reason, b"\x16\3\3", securing=True), Step.TLS, "tls")
    assert finding.cause.code == "tls.failed"
