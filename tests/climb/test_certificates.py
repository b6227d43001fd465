"""Certificates, judged after the handshake: validity, name, issuer, interception, each its own cause."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fixtures.emulators import in_background, postgresql
from fixtures.emulators.certificates import authority
from scanready.climb import certificates
from scanready.model import Report, Step, Verdict
from scanready.net.tls import TlsSession
from tests.ladder import check_of, climb, expect, target
from tests.pace import computes_within
from tests.websites import OK, site

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.datetime.now(datetime.UTC)


def issued(
    subject: str = "db7.corp",
    issuer: str = "Corp CA",
    names: tuple[str, ...] = ("db7.corp",),
    days: int = 30,
) -> bytes:
    """A leaf in DER, valid for 60 days up to ``days`` from now, signed by an untrusted key."""
    end = NOW + datetime.timedelta(days=days)
    alternative = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(name)) if ":" in name else x509.DNSName(name) for name in names]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer)]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(end - datetime.timedelta(days=60))
        .not_valid_after(end)
    )
    if names:
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def faults(der: bytes, name: str = "db7.corp") -> dict[str, str]:
    judgement = certificates.judge(TlsSession("TLSv1.3", "any", None, (der,)), name)
    return {cause.code: detail for cause, detail in judgement.faults}


def test_an_unknown_authority_is_untrusted() -> None:
    found = faults(issued())
    assert set(found) == {"tls.untrusted"}
    assert "Corp CA" in found["tls.untrusted"]


@pytest.mark.parametrize("issuer", ["Zscaler Inc.", "Fortinet", "Palo Alto Networks", "Corp TLS Inspection"])
def test_a_known_inspection_product_is_interception(issuer: str) -> None:
    assert set(faults(issued(issuer=issuer))) == {"tls.intercepted"}


def test_expired_and_not_yet_valid() -> None:
    assert "expired on" in faults(issued(days=-1))["tls.expired"]
    assert "not valid before" in faults(issued(days=90))["tls.expired"]


def test_another_name_says_which_names_there_are() -> None:
    found = faults(issued(names=("db8.corp", "*.web.corp")))
    assert "db8.corp" in found["tls.name-mismatch"]
    assert "tls.name-mismatch" not in faults(issued(names=("*.hr.corp",)), "db7.hr.corp")
    assert "tls.name-mismatch" in faults(issued(names=("*.hr.corp",)), "a.db7.hr.corp")
    assert "tls.name-mismatch" in faults(issued(), "10.0.0.7")


@pytest.mark.parametrize("name", ["db7.corp.", "DB7.Corp", "bücher.corp", "BÜCHER.corp", "fe80::7%eth0", "fe80:0::7"])
def test_one_name_has_many_spellings(name: str) -> None:
    """A trailing dot, capitals, an internationalised name, a zone, leading zeros."""
    names = ("db7.corp", "xn--bcher-kva.corp", "fe80::7")
    assert "tls.name-mismatch" not in faults(issued(names=names), name)


class Chain:
    """A root that is trusted, an intermediate and a leaf, valid from ``since`` days from now for ``days`` each."""

    def __init__(
        self,
        directory: Path,
        days: tuple[int, int, int] = (400, 90, 30),
        uses: tuple[x509.ObjectIdentifier, ...] = (),
        since: tuple[int, int, int] = (-500, -500, -500),
        issuer_as: Callable[[str], x509.Name] | None = None,
    ):
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in days]
        self.made = []
        for depth, (name, end) in enumerate(zip(("Root", "Between", "db7.corp"), days, strict=True)):
            issuer = max(0, depth - 1)
            builder = (
                x509.CertificateBuilder()
                .subject_name(self.named(name))
                .issuer_name((issuer_as or self.named)(("Root", "Between", "db7.corp")[issuer]))
                .public_key(keys[depth].public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(NOW + datetime.timedelta(days=since[depth]))
                .not_valid_after(NOW + datetime.timedelta(days=end))
                .add_extension(x509.BasicConstraints(ca=depth < 2, path_length=None), critical=True)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName("db7.corp")]), critical=False)
            )
            if uses and depth == 2:
                builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            self.made.append(builder.sign(keys[issuer], hashes.SHA256()))
        self.ca_file = directory / f"{self.made[0].serial_number}.pem"  # a store is kept by its file's name
        self.ca_file.write_bytes(self.made[0].public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def session(self, sent: int = 2) -> TlsSession:
        """A handshake in which the server sent the first ``sent`` certificates, the leaf first."""
        der = tuple(made.public_bytes(serialization.Encoding.DER) for made in reversed(self.made[1:]))[:sent]
        return TlsSession("TLSv1.3", "any", None, der)

    def faults(self, sent: int = 2, *, trusted: bool = True) -> dict[str, str]:
        """Judge the first ``sent`` certificates; no cause twice."""
        ca_file = str(self.ca_file) if trusted else None
        judgement = certificates.judge(self.session(sent), "db7.corp", ca_file)
        codes = [cause.code for cause, _ in judgement.faults]
        assert len(codes) == len(set(codes))
        return {cause.code: detail for cause, detail in judgement.faults}


def test_an_intermediate_that_has_expired(tmp_path: Path) -> None:
    """The leaf is good, and every client that verifies refuses it."""
    assert Chain(tmp_path).faults() == {}
    found = Chain(tmp_path, (400, -1, 30)).faults()
    assert set(found) == {"tls.expired"}
    assert "CN=Between" in found["tls.expired"]


def test_an_intermediate_that_is_not_yet_valid(tmp_path: Path) -> None:
    found = Chain(tmp_path, since=(-500, 1, -500)).faults()
    assert set(found) == {"tls.expired"}
    assert "a CA certificate in the chain has expired or is not yet valid: CN=Between" in found["tls.expired"]


def test_a_leaf_that_has_expired_is_one_fault(tmp_path: Path) -> None:
    found = Chain(tmp_path, (400, 90, -1)).faults()
    yesterday = NOW - datetime.timedelta(days=1)
    assert found == {"tls.expired": f"expired on {yesterday:%Y-%m-%d} (subject CN=db7.corp)"}


def test_a_certificate_is_valid_to_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of its validity belong to it (RFC 5280, 4.1.2.5)."""

    def faults_at(moment: datetime.datetime) -> set[str]:
        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
                return cls.fromisoformat(moment.isoformat())

        frozen = SimpleNamespace(datetime=Clock, UTC=datetime.UTC)
        monkeypatch.setattr(certificates, "datetime", frozen)
        return set(faults(issued(days=3)))

    end = NOW.replace(microsecond=0) + datetime.timedelta(days=3)
    begin, second = end - datetime.timedelta(days=60), datetime.timedelta(seconds=1)
    for inside in (begin, begin + second, end - second, end):
        assert faults_at(inside) == {"tls.untrusted"}
    for outside in (begin - second, end + second):
        assert faults_at(outside) == {"tls.expired", "tls.untrusted"}


def test_only_a_public_authority_makes_a_certificate_public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that this agent trusts besides is not public."""
    public, own = Chain(tmp_path), Chain(tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(public.ca_file))
    assert own.faults() == {}
    assert certificates.is_public(public.session()) is True
    assert certificates.is_public(own.session()) is False
    assert certificates.is_public(public.session(sent=1)) is False
    assert certificates.is_public(TlsSession("TLSv1.3", "any", None, ())) is False


def test_the_systems_authorities_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain.ca_file))
    certificates._store.cache_clear()
    try:
        assert chain.faults(trusted=False) == {}
        assert Chain(tmp_path).faults(trusted=False).keys() == {"tls.untrusted"}
    finally:
        certificates._store.cache_clear()


def test_a_chain_with_rubbish_in_it_is_untrusted() -> None:
    session = TlsSession("TLSv1.3", "any", None, (issued(subject="rubbish.corp"), b"\x30\x82\xff\xff"))
    judgement = certificates.judge(session, "db7.corp")
    assert [cause.code for cause, _ in judgement.faults] == ["tls.untrusted"]
    assert "the chain cannot be read" in judgement.faults[0][1]


def as_printable_string(name: str) -> x509.Name:
    """The same name as another type of string, in capitals, with more spaces (RFC 5280, 7.1)."""
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, f" {name.upper()} ", _ASN1Type.PrintableString)
    return x509.Name([attribute])


@pytest.mark.parametrize("issuer_as", [Chain.named, as_printable_string], ids=["same bytes", "same name"])
def test_an_intermediate_is_found_behind_all_authorities_that_a_server_sends(
    tmp_path: Path, issuer_as: Callable[[str], x509.Name]
) -> None:
    """A hundred of them cost the event loop too much: those are read that have an issuer's name."""
    chain = Chain(tmp_path, issuer_as=issuer_as)
    leaf, between = chain.session().chain
    others = tuple(issued(f"{number}.example", names=("x" * 200,)) for number in range(100))
    judgement = certificates.judge(
        TlsSession("TLSv1.3", "any", None, (leaf, *others, between)), "db7.corp", str(chain.ca_file)
    )
    assert judgement.faults == ()
    missing = certificates.judge(TlsSession("TLSv1.3", "any", None, (leaf, *others)), "db7.corp", str(chain.ca_file))
    assert "the server sends 101 certificates" in missing.faults[0][1]


def test_an_intermediate_that_is_not_sent(tmp_path: Path) -> None:
    found = Chain(tmp_path).faults(sent=1)
    assert "only its own certificate" in found["tls.untrusted"]
    assert "issued by CN=Between" in found["tls.untrusted"]


def test_a_certificate_for_clients_is_none_for_a_server(tmp_path: Path) -> None:
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    for uses in ((server,), (client, server), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)):
        assert Chain(tmp_path, uses=uses).faults() == {}
    assert "not for a server" in Chain(tmp_path, uses=(client,)).faults()["tls.untrusted"]


def test_of_many_names_six_are_shown() -> None:
    names = tuple(f"n{number}.corp" for number in range(8))
    assert faults(issued(names=names[:6]))["tls.name-mismatch"].endswith(f"it names {', '.join(names[:6])}")
    assert faults(issued(names=names))["tls.name-mismatch"].endswith(f"it names {', '.join(names[:6])}, 2 more")


def test_a_name_only_in_cn_does_not_count() -> None:
    assert "only as CN" in faults(issued(names=()))["tls.name-mismatch"]


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x82\xff\xff",), (b"\xff" * 100,)])
def test_rubbish_is_untrusted_and_never_an_exception(chain: tuple[bytes, ...]) -> None:
    judgement = certificates.judge(TlsSession("TLSv1.3", "any", None, chain), "db7.corp")
    assert [cause.code for cause, _ in judgement.faults] == ["tls.untrusted"]


def test_a_version_that_x509_does_not_have_is_untrusted() -> None:
    der = issued().replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x22", 1)
    assert "cannot be read" in faults(der)["tls.untrusted"]


def test_a_name_whose_value_is_a_bit_string_is_untrusted() -> None:
    name = b"\x0c\x09odd-value"
    der = issued(subject="odd-value").replace(name, b"\x03" + name[1:])
    assert "cannot be read: TypeError" in faults(der)["tls.untrusted"]


def test_a_certificate_of_ten_thousand_names_is_not_read() -> None:
    der = issued(names=("db7.corp", *(f"host-{number}.corp.example" for number in range(10_000))))
    with computes_within(0.02):
        assert "scanready reads at most" in faults(der)["scanready.limit"]


@pytest.mark.parametrize("names", [("db7.corp",), ("db7.corp", "fd00::7")])
def test_any_byte_may_be_wrong(names: tuple[str, ...]) -> None:
    """Duplicate extensions, unknown kinds of name, broken keys: the parser has an exception for each."""
    good = issued(names=names)
    codes = {"tls.untrusted", "tls.name-mismatch", "tls.expired", "tls.intercepted"}
    for place in range(len(good)):
        for value in (0, 0xFF, good[place] ^ 1, good[place] ^ 0x20):
            judged = faults(good[:place] + bytes([value]) + good[place + 1 :])
            assert judged.keys() <= codes
            assert judged.keys() & {"tls.untrusted", "tls.intercepted"}, "nothing that is broken becomes trusted"


def told(ca_file: Path | None) -> Report:
    behaviour = postgresql.server(postgresql.AUTH_SASL, tls=True)
    with in_background(behaviour) as server:
        return climb(target("postgresql", "127.0.0.1", server.port), ca_file=str(ca_file) if ca_file else None)


def test_an_authority_of_ones_own_is_trusted_when_named() -> None:
    without = told(None)
    named = told(authority().ca_file)
    assert "certificate_faults" in without.facts
    assert "certificate_faults" not in named.facts
    assert named.facts["tls"] in ("TLSv1.2", "TLSv1.3")
    assert "Emulator Test Authority" in named.facts["tls_issuer"]


def test_the_facts_are_openssls(tmp_path: Path) -> None:
    der = issued()
    judgement = certificates.judge(TlsSession("TLSv1.3", "any", None, (der,)), "db7.corp")
    pem = tmp_path / "leaf.pem"
    pem.write_text(ssl.DER_cert_to_PEM_cert(der))
    decoded = ssl._ssl._test_decode_cert(str(pem))  # type: ignore[attr-defined]  # OpenSSL's own reading of it
    expires = datetime.datetime.strptime(decoded["notAfter"], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=datetime.UTC)
    assert judgement.facts["tls_expires"] == expires.isoformat()


@pytest.mark.parametrize("kind", ["absent", "empty"])
def test_authorities_that_went_missing_during_a_run_say_nothing_of_the_server(kind: str, tmp_path: Path) -> None:
    """The file was whole when the run began."""
    path = tmp_path / "ca.pem"
    if kind == "empty":
        path.touch()
    with in_background(site({"/": OK}), tls=authority().context("good")) as server:
        report = climb(target("https", "127.0.0.1", server.port), canary=False, ca_file=str(path))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.TLS)
    assert str(path) in check_of(report, Step.TLS).summary
