"""Judge a certificate after the handshake: validity, name, issuer, interception. Pure, offline, cached by certificate.

The chain is verified by OpenSSL itself against the authorities this agent
trusts, the name by RFC 6125 as `service_identity` implements it.
"""

from __future__ import annotations

import datetime
import ssl
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from scanready.causes import common
from scanready.model import Cause, Check, Facts, Finding, Outcome, Step, is_address
from scanready.net.tls import TlsSession

from .certificate_dates import Ending, first
from .explain import Failure

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import crypto

#: Words by which TLS inspection products name the issuer of their certificates. Lower case.
_INSPECTORS = (
    "zscaler",
    "fortinet",
    "fortigate",
    "palo alto",
    "blue coat",
    "bluecoat",
    "netskope",
    "forcepoint",
    "websense",
    "mcafee web gateway",
    "skyhigh",
    "cisco umbrella",
    "ironport",
    "sophos",
    "check point",
    "checkpoint",
    "squid",
    "mitmproxy",
    "burp",
    "fiddler",
    "charles proxy",
    "ssl inspection",
    "tls inspection",
    "ssl proxy",
    "untangle",
    "watchguard",
    "sonicwall",
    "barracuda",
    "kaspersky",
    "eset ssl filter",
    "avast",
    "bitdefender",
    "menlo security",
)

# OpenSSL's verification errors (x509_vfy.h) that have a cause of their own.
_NOT_YET_VALID, _EXPIRED = 9, 10
_NO_ISSUER = (20, 21)  # not among what was sent, nor here

#: Bytes of a certificate that are read, and names in it: ten thousand names cost the event loop 48 to 68 ms (measured).
MOST_BYTES, MOST_NAMES = 32 * 1024, 2_000
#: Bytes of the certificates above it that OpenSSL verifies; 93,000 bytes of small ones cost 90 ms (measured).
_MOST_ABOVE = 12 * 1024

#: A distinguished name in comparable form: type and value of each attribute.
_Name = tuple[tuple[str, str], ...]


class Judgement(NamedTuple):
    """Hold the faults of a certificate (cause and words), its facts, and the first end in its chain if it is valid."""

    faults: tuple[tuple[Cause, str], ...]
    facts: Facts
    ends: Ending | None = None


def load(ca_file: str | None = None) -> bool:
    """Load the libraries and authorities for :func:`judge`; return False if ``ca_file`` cannot be read."""
    import cryptography.x509  # noqa: F401
    import service_identity.cryptography  # noqa: F401

    try:
        _store(ca_file)
    except Failure:
        return False
    return True


def judge(session: TlsSession, name: str, ca_file: str | None = None) -> Judgement:
    """Judge the certificate of a finished handshake for the name the target is addressed by.

    Args:
        ca_file: PEM file of further authorities to trust, beside the system's.

    Raises:
        Failure: ``scanready.limit``: ``ca_file`` cannot be read, which says nothing of the server.
    """
    if not session.chain:
        return Judgement(((common.TLS_UNTRUSTED, "the server sent no certificate"),), {})
    return _judge(session.chain, name, ca_file, datetime.datetime.now(datetime.UTC).date())


@lru_cache(maxsize=1024)
def _judge(chain: tuple[bytes, ...], name: str, ca_file: str | None, _today: datetime.date) -> Judgement:
    from cryptography import x509

    if (size := len(chain[0])) > MOST_BYTES:
        return _too_much(f"it has {size} bytes; scanready reads at most {MOST_BYTES}")
    _store(ca_file)  # its errors are the operator's, not the certificate's
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser warns the program's user of what the peer sent
            leaf = x509.load_der_x509_certificate(chain[0])
            if (count := _count_names(leaf)) > MOST_NAMES:
                return _too_much(f"it has {count} names; scanready reads at most {MOST_NAMES}")
            return _judge_leaf(leaf, chain, name, ca_file)
    except (
        TypeError,  # a name's value of an odd ASN.1 type
        ValueError,
        x509.AttributeNotFound,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        return _unreadable(f"{type(error).__name__}: {error}", chain, ca_file)


def _too_much(why: str) -> Judgement:
    return Judgement(((common.LIMIT, f"the certificate cannot be read: {why}"),), {})


def _unreadable(why: str, chain: tuple[bytes, ...], ca_file: str | None) -> Judgement:
    """Judge a certificate that cryptography does not read, which is no fault by itself; OpenSSL judges its chain."""
    if fault := _verified(chain, ca_file).fault:
        return Judgement(((common.TLS_UNTRUSTED, f"the certificate cannot be read: {why}; and {fault}"),), {})
    detail = f"the Python library cryptography cannot read the certificate: {why}"
    return Judgement(((common.LIMIT, detail),), {})


def _judge_leaf(leaf: x509.Certificate, chain: tuple[bytes, ...], name: str, ca_file: str | None) -> Judgement:
    issuer, subject = leaf.issuer.rfc4514_string(), leaf.subject.rfc4514_string()
    until, since = leaf.not_valid_after_utc, leaf.not_valid_before_utc
    facts: Facts = {"tls_issuer": issuer, "tls_subject": subject, "tls_expires": until.isoformat()}
    faults: list[tuple[Cause, str]] = []
    whose = f" (subject {subject})" if subject else ""
    now = datetime.datetime.now(datetime.UTC)
    if now > until:
        faults.append((common.TLS_EXPIRED, f"expired on {until:%Y-%m-%d}{whose}"))
    elif now < since:
        faults.append((common.TLS_EXPIRED, f"not valid before {since:%Y-%m-%d}{whose}"))
    if fault_of_name := _name_fault(leaf, name):
        faults.append((common.TLS_NAME_MISMATCH, fault_of_name))
    if names_no_server := _purpose_fault(leaf):
        faults.append((common.TLS_UNTRUSTED, names_no_server))
    verified = _verified(chain, ca_file)
    faults += _issuer_faults(verified, issuer)
    valid = since <= now <= until
    return Judgement(tuple(faults), facts, first([Ending(since, until), *_ends_above(verified)]) if valid else None)


def _ends_above(verified: _Verified) -> list[Ending]:
    """Return the lifetimes of the authorities in a chain that OpenSSL has verified."""
    found = [one.to_cryptography() for one in verified.chain[1:]]
    return [Ending(one.not_valid_before_utc, one.not_valid_after_utc, one.subject.rfc4514_string()) for one in found]


def _issuer_faults(verified: _Verified, issuer: str) -> Iterator[tuple[Cause, str]]:
    why = verified.fault
    if not why:
        return
    if verified.by_validity:
        yield common.TLS_EXPIRED, why
    elif any(word in issuer.lower() for word in _INSPECTORS):
        yield common.TLS_INTERCEPTED, f"issued by {issuer}"
    else:
        yield common.TLS_UNTRUSTED, f"{why}; issued by {issuer}"


def check_of(endpoint: str, cause: Cause, detail: str, *, warns: bool) -> Check:
    """Return the check that reports a fault: a warning, or a fact where the scanner's client would not mind."""
    if warns:
        return Check(Step.TLS, endpoint, Outcome.WARNED, detail, finding=Finding(cause, detail))
    summary = f"{detail} (recorded only: typical clients of this type do not verify certificates)"
    return Check(Step.TLS, endpoint, Outcome.PASSED, summary)


def is_public(session: TlsSession) -> bool:
    """Return whether a public authority issued the certificate, regardless of the agent's own trust store.

    Public are the authorities of the list that certifi carries (Mozilla's): an inspection device's own, which an
    administrator installed on the agent, is not among them.
    """
    import certifi

    return bool(session.chain) and _public(session.chain, certifi.where(), datetime.datetime.now(datetime.UTC).date())


@lru_cache(maxsize=1024)
def _public(chain: tuple[bytes, ...], authorities: str, _today: datetime.date) -> bool:
    return not _verify(chain, _public_store(authorities)).fault


@lru_cache(maxsize=4)
def _public_store(authorities: str) -> crypto.X509Store:
    from OpenSSL import crypto

    store = crypto.X509Store()
    store.load_locations(authorities)
    return store


def _name_fault(leaf: x509.Certificate, name: str) -> str | None:
    from service_identity import CertificateError, VerificationError
    from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

    plain = name.partition("%")[0].removesuffix(".").lower()  # a zone and a trailing dot are not part of the name
    try:
        if is_address(plain):
            verify_certificate_ip_address(leaf, plain)
        else:
            verify_certificate_hostname(leaf, plain)
    except (VerificationError, CertificateError, ValueError):
        return f"the certificate is not for {name}; it names {', '.join(_names(leaf)) or 'nothing'}"
    return None


def _purpose_fault(leaf: x509.Certificate) -> str | None:
    """Return the fault of a certificate whose extended key usage excludes servers (RFC 5280, 4.2.1.12)."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    fit = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return None if any(use in fit for use in uses) else "the certificate is not for a server (its extended key usage)"


def _count_names(leaf: x509.Certificate) -> int:
    from cryptography import x509

    try:
        return len(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return 0


def _names(leaf: x509.Certificate, most: int = 6) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(general.value) for general in alternative]
    except x509.ExtensionNotFound:
        names = [
            f"{common_name.value!s} (only as CN)"
            for common_name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    return names if len(names) <= most else [*names[:most], f"{len(names) - most} more"]


class _Verified(NamedTuple):
    """Hold the words of a chain's fault, empty if there is none; whether an issuer's validity is it; and the chain."""

    fault: str
    by_validity: bool = False
    chain: Sequence[crypto.X509] = ()


def _verified(chain: tuple[bytes, ...], ca_file: str | None) -> _Verified:
    return _verify(chain, _store(ca_file))


def _verify(chain: tuple[bytes, ...], store: crypto.X509Store) -> _Verified:
    """Let OpenSSL verify the chain.

    The leaf's own validity is judged apart, and checked by OpenSSL as the last: what is wrong above it comes first.
    """
    from OpenSSL import crypto

    try:
        certificates = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in (chain[0], *_above(chain))]
        context = crypto.X509StoreContext(store, certificates[0], certificates[1:])
        return _Verified("", chain=context.get_verified_chain())
    except crypto.X509StoreContextError as error:
        code, depth = (*error.errors, None, None)[:2]
        if code not in (_NOT_YET_VALID, _EXPIRED):
            sent = (
                "only its own certificate, without intermediates" if len(chain) == 1 else f"{len(chain)} certificates"
            )
            return _Verified(f"{error} (the server sends {sent})" if code in _NO_ISSUER else str(error))
        whose = "" if depth == 0 else f"a CA certificate in the chain has expired or is not yet valid: {_of(error)}"
        return _Verified(whose, by_validity=True)
    except crypto.Error as error:
        return _Verified(f"the chain cannot be read: {error}")


def _above(chain: tuple[bytes, ...]) -> Sequence[bytes]:
    """Return what may stand above the first certificate; of a large chain only those that have an issuer's name.

    Some servers send all authorities that they know, in any order.
    """
    if sum(map(len, chain[1:])) <= _MOST_ABOVE:
        return chain[1:]
    by_name: dict[_Name, list[bytes]] = {}
    for der in dict.fromkeys(chain[1:]):
        by_name.setdefault(_names_of(der)[0], []).append(der)
    found: list[bytes] = []
    issuers, room = deque([_names_of(chain[0])[1]]), _MOST_ABOVE
    while issuers:
        for der in by_name.pop(issuers.popleft(), ()):
            room -= len(der)
            if room < 0:
                return found
            found.append(der)
            issuers.append(_names_of(der)[1])
    return found


def _names_of(der: bytes) -> tuple[_Name, _Name]:
    """Return subject and issuer; empty if they cannot be read."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(der)
        return _comparable(found.subject), _comparable(found.issuer)
    except (TypeError, ValueError, x509.InvalidVersion):
        return (), ()


def _comparable(name: x509.Name) -> _Name:
    """Return a name as names are compared (RFC 5280, 7.1): the kind of a string, capitals and spaces do not count."""
    return tuple((one.oid.dotted_string, " ".join(str(one.value).split()).casefold()) for one in name)


def _of(error: crypto.X509StoreContextError) -> str:
    """Return the subject of the certificate that OpenSSL rejects, and the end of its validity."""
    faulty = error.certificate.to_cryptography()
    return f"{faulty.subject.rfc4514_string()}, {faulty.not_valid_after_utc:%Y-%m-%d}"


@lru_cache(maxsize=4)
def _store(ca_file: str | None) -> crypto.X509Store:
    """The system's authorities, and those of ``ca_file``.

    Raises:
        Failure: ``ca_file`` cannot be read. It was checked before any contact, and may have changed since.
    """
    from OpenSSL import crypto

    store = crypto.X509Store()
    system = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one opens the file that SSLKEYLOGFILE names
    system.load_default_certs()
    authorities = system.get_ca_certs(binary_form=True)
    for der in authorities:
        store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    if sys.platform == "win32" or (sys.platform == "darwin" and not authorities):
        # Windows fetches a public authority when it is first met, and Python for macOS comes without any.
        import certifi

        store.load_locations(certifi.where())
    if ca_file:
        try:
            store.load_locations(ca_file)
        except (OSError, ValueError, crypto.Error) as error:
            why = "is missing, unreadable or contains no certificate"
            raise Failure(common.LIMIT, f"the certificate was not checked: ca_file {ca_file!r} {why}") from error
    return store
