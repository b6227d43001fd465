"""Finish every TLS handshake, whatever the version and the certificate, and keep its result.

The certificate is checked afterwards, offline (:mod:`scanready.climb.certificates`). A client that ends the handshake
because of a certificate leaves an error in the server's log; MySQL also counts it towards a ban (measured).
"""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# `ssl` names it from Python 3.12 on; servers without RFC 5746 (secure renegotiation) are old, not broken.
_OP_LEGACY_SERVER_CONNECT = 0x4


@dataclass(frozen=True, slots=True)
class TlsSession:
    """Hold the result of a finished handshake. ``chain`` is DER, the leaf first, as the server sent it."""

    version: str
    cipher: str
    alpn: str | None
    chain: tuple[bytes, ...]

    @property
    def old(self) -> bool:
        """True for versions that current clients refuse (RFC 8996)."""
        return self.version not in ("TLSv1.2", "TLSv1.3")


@lru_cache(maxsize=8)
def handshake_context(alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the one context of this policy; creating one costs milliseconds, sharing it nothing.

    It speaks TLS 1.0 to 1.3 with every cipher OpenSSL still has, so that an old
    server is named as old instead of ending in an alert that could be our own
    policy's. Not those without a certificate (aNULL): no client offers them, and
    a server that prefers them would show us none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 on purpose, see above
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    context.options |= _OP_LEGACY_SERVER_CONNECT
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@lru_cache(maxsize=1)
def dhe_suites() -> frozenset[int]:
    """Return the numbers of the cipher suites in which the server names a Diffie-Hellman group (TLS 1.2 and older)."""
    ciphers: list[dict[str, Any]] = [dict(cipher) for cipher in handshake_context().get_ciphers()]
    return frozenset(cipher["id"] & 0xFFFF for cipher in ciphers if str(cipher.get("kea", "")).startswith("kx-dhe"))


def session_of(tls: ssl.SSLObject | ssl.SSLSocket) -> TlsSession:
    """Read what a finished handshake showed."""
    cipher = tls.cipher()
    return TlsSession(
        tls.version() or "unknown", cipher[0] if cipher else "", tls.selected_alpn_protocol(), _chain(tls)
    )


def _chain(tls: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    """The certificates the server sent: a public method from Python 3.13, before that one on the inner object."""
    public: Any = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return tuple(bytes(der) for der in public())
    inner: Any = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    if inner is not None and (certificates := inner()):
        return tuple(certificate.public_bytes(2) for certificate in certificates)  # 2 = DER, _ssl.ENCODING_DER
    leaf = tls.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()


def server_name(name: str | None) -> str | None:
    """Return a name that OpenSSL accepts for SNI, without a trailing dot (RFC 6066, 3); None for one it rejects."""
    name = name.removesuffix(".") if name else None
    if not name or name.startswith(".") or len(name) > 253:
        return None
    try:
        name.encode("idna")
    except UnicodeError:
        return None
    return name
