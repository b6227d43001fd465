"""Exception x step -> cause, in one match statement. The errno is never lost on the way."""

from __future__ import annotations

import errno
import socket
import ssl
import traceback
from typing import Any

from scanready.causes import common
from scanready.model import Cause, Facts, Finding, OtherFixes, Owner, Step
from scanready.net.echo import Echoed
from scanready.net.errors import local_limit
from scanready.net.stream import ConnectError, PeerClosed, ReadTimeout, StreamError, TlsError, TooCostly, UdpTimeout
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.redaction import current
from scanready.wire import ForeignBytes, OurLimit, UnknownValue, WireError, tls

from .identify import Signatures


class Failure(Exception):
    """Raise a recognised cause, from a verifier or a login; the rung that it leaves records it and ends the climb.

    ``detail`` is the evidence in words, ``fix`` the literal text that the owner applies, ``also`` what the other owners
    of the cause apply; ``facts`` are added to the check.
    """

    def __init__(
        self, cause: Cause, detail: str, fix: str | None = None, *, also: OtherFixes = (), **facts: Any
    ) -> None:
        super().__init__(f"{cause.code}: {detail}")
        self.cause = cause
        self.detail = detail
        self.fix = fix
        self.also = also
        self.facts: Facts = facts


class Unfinished(Failure):
    """A login of a client library that ended without an outcome, which says nothing of what the server made of it.

    Raise it where the secret may have left and no answer to it came back: the server may have counted it.
    """


def unfinished(failure: Failure) -> Failure:
    """Return the failure of a login whose secret was sent, as an open one unless it judges the account."""
    if isinstance(failure, Unfinished) or failure.cause.owner is Owner.IDENTITY:
        return failure
    return Unfinished(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)


# ICMP "destination unreachable" codes that mean "a rule forbids it" (RFC 1812 5.2.7.1; RFC 4443 3.1).
_PROHIBITED_4 = {9, 10, 13}
_PROHIBITED_6 = {1, 5, 6}
_PORT_UNREACHABLE = {(3, 3), (1, 4)}
_PROTOCOL_UNREACHABLE = (3, 2)

_TLS_CAUSES: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (common.TLS_VERSION, ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "NO_PROTOCOLS_AVAILABLE")),
    # Whatever a server complains of in a client's certificate: we sent none, and that is it.
    (
        common.TLS_CLIENT_CERTIFICATE,
        (
            "CERTIFICATE_REQUIRED",
            "ALERT_BAD_CERTIFICATE",
            "ALERT_NO_CERTIFICATE",
            "ALERT_UNSUPPORTED_CERTIFICATE",
            "ALERT_CERTIFICATE_",
            "ALERT_UNKNOWN_CA",
            "ALERT_ACCESS_DENIED",
        ),
    ),
    (common.TLS_NO_COMMON_CIPHER, ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "INSUFFICIENT_SECURITY", "NO_CIPHERS")),
    (common.TLS_NAME_MISMATCH, ("UNRECOGNIZED_NAME",)),
)


#: The beginnings of names of OpenSSL for alerts of a peer.
_ALERTS = ("TLSV1", "SSLV3")
#: Refusals by a limit or a policy of OpenSSL, where another client may go on.
_OF_OPENSSL = (
    "TOO_SMALL",
    "TOO_LARGE",
    "TOO_WEAK",
    "UNSAFE_LEGACY_RENEGOTIATION",
    "UNSUPPORTED_",
    "NOT_SUPPORTED",
    "EXCESSIVE_MESSAGE_SIZE",
    "NO_SUITABLE_",
    "WRONG_SIGNATURE_TYPE",
    "UNABLE_TO_FIND_",
    "ASN1",
)

#: A table that recognises nothing.
_NOTHING_HEARD = Signatures()


def explain(  # noqa: C901  # one match statement is the table
    error: BaseException, step: Step, speaks: str, signatures: Signatures = _NOTHING_HEARD
) -> Finding:
    """Return the cause of ``error`` at ``step``, for a target that should speak ``speaks``.

    ``signatures`` recognise another protocol in what the peer sent. A verifier calls :meth:`Probe.explain`, which
    passes those of the run. The default recognises nothing; it is for errors before any byte was received. A part of
    the table would be worse than none: a looser signature could name a protocol where a surer one is missing.
    """
    match error:
        case Failure():
            return Finding(error.cause, error.detail, error.fix, error.also)
        case socket.gaierror(errno=number) if number in NO_SUCH_NAME:
            return Finding(common.NOT_FOUND, error.strerror or str(error))
        case socket.gaierror():
            return Finding(common.NO_ANSWER, error.strerror or str(error))
        case TimeoutError() if step is Step.RESOLVE:
            return Finding(common.NO_ANSWER, "the resolver did not answer within the time")
        case ConnectError():
            return _dialled(error)
        case UdpTimeout(hasty=False):
            return Finding(common.UDP_SILENT, f"{error} in {error.waited:.1f} s")
        case ReadTimeout(heard=b"", hasty=True, spoke=False):
            return Finding(common.OUT_OF_TIME, f"{error}, which was {error.waited:.1f} s: too short to call it silence")
        case ReadTimeout(heard=b"") if step is Step.CONNECT:
            return Finding(common.FILTERED, "no answer to the connection request")
        case TlsError():
            return _tls(error, speaks, signatures)
        case TooCostly():
            return Finding(common.LIMIT, str(error))
        case WireError() | StreamError():
            return _talked(error, step, speaks, signatures)
        case TimeoutError():
            return Finding(common.OUT_OF_TIME, "the time given to this target is over")
        case ssl.SSLError():
            return Finding(common.TLS_FAILED, str(error))
        case OSError() if limit := local_limit(error):
            return Finding(common.LOCAL_LIMIT, limit)
        case _:
            text = traceback.TracebackException(type(error), error, None)  # one whose __str__ fails has a text, too
            return Finding(common.BUG, f"{type(error).__name__}: {current().peer(str(text))}")


def only(error: Exception) -> Exception:
    """Return the exception in a group of one, which is what a task group makes of it; any other as it is."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _dialled(error: ConnectError) -> Finding:
    """A connection that came to nothing: by whose word?"""
    if limit := local_limit(error):
        return Finding(common.LOCAL_LIMIT, limit)
    said = f" (ICMP type {error.icmp[0]} code {error.icmp[1]} from {error.offender})" if error.icmp else ""
    if _forbidden(error):
        return Finding(common.REJECTED, f"{error.strerror}{said}")
    match error.errno:
        case errno.ECONNREFUSED if error.datagram_to:
            return Finding(common.REFUSED, f"port unreachable: nothing listens on this UDP port{said}")
        case errno.ECONNREFUSED:
            return Finding(common.REFUSED, "reset: nothing listens, or a firewall resets")
        case errno.ETIMEDOUT:
            return Finding(common.FILTERED, "no answer to the connection request")
        case errno.ENETUNREACH | errno.EHOSTUNREACH | errno.EHOSTDOWN | errno.ENETDOWN:
            return Finding(common.UNREACHABLE, f"{error.strerror}{said}")
        case _:
            return Finding(common.UNREACHABLE, f"{error.strerror}{said}")


def _forbidden(error: ConnectError) -> bool:
    """True where a rule said no: prohibited codes, and codes that only a filter sends for TCP.

    A TCP stack answers a closed port with a reset; a *port unreachable* for TCP
    comes from a packet filter, be it the target's own. For UDP it is the stack's
    own word, if it comes from the host that was asked.
    """
    if error.icmp is None:
        return error.errno == errno.ENOPROTOOPT or (error.port_unreachable and error.datagram_to is None)
    kind, code = error.icmp
    if error.icmp in _PORT_UNREACHABLE:
        return error.datagram_to is None or error.offender != error.datagram_to
    if error.icmp == _PROTOCOL_UNREACHABLE:
        return True
    version_6 = ":" in (error.offender or "")
    return kind == 1 and code in _PROHIBITED_6 if version_6 else kind == 3 and code in _PROHIBITED_4


def _tls(error: TlsError, speaks: str, signatures: Signatures) -> Finding:
    foreign = signatures.identify(error.heard) if error.securing else None  # else it was heard inside TLS
    if foreign is not None and foreign.protocol not in ("tls", speaks):
        return Finding(common.OTHER_PROTOCOL, f"{foreign.text} answers, without TLS")
    if foreign is not None and foreign.protocol == speaks != "tls":
        return Finding(common.TLS_NOT_OFFERED, f"{foreign.text} answers in plain text on this port")
    if "ALERT_HANDSHAKE_FAILURE" in error.reason and tls.starts_with_server_hello(error.heard):
        detail = f"{error}, after version and cipher were agreed on: TLS 1.2's way to ask for a client certificate"
        return Finding(common.TLS_CLIENT_CERTIFICATE, detail)
    if "NO_APPLICATION_PROTOCOL" in error.reason.upper().replace(" ", "_"):
        return Finding(common.LIMIT, "the server speaks other protocols in TLS than HTTP/1.1 (HTTP/2 alone, usually)")
    for cause, reasons in _TLS_CAUSES:
        if any(reason in error.reason for reason in reasons):
            return Finding(cause, f"{error}")
    if not error.reason.startswith(_ALERTS) and any(word in error.reason for word in _OF_OPENSSL):
        return Finding(common.LIMIT, f"OpenSSL, which does TLS for us, refuses what the server sent: {error}")
    if not error.securing:
        return Finding(common.TLS_FAILED, f"the encrypted session broke after its handshake: {error}")
    if "WRONG_VERSION_NUMBER" in error.reason:
        answer = f": {_quoted(error.heard)}" if error.heard else ""  # a login's library does not show its bytes
        return Finding(common.TLS_NOT_OFFERED, f"the answer to the TLS hello is not TLS{answer}")
    if "unknown error" in error.reason and (alert := tls.alert(error.heard)):  # a number that OpenSSL has no name for
        return Finding(common.TLS_FAILED, f"the server answers with the TLS alert {alert.description}")
    return Finding(common.TLS_FAILED, str(error))


def _talked(error: WireError | StreamError, step: Step, speaks: str, signatures: Signatures) -> Finding:
    """The connection stands, and then? Silence, a hang-up, a foreigner, or a broken protocol."""
    heard = getattr(error, "heard", b"")
    if isinstance(error, StreamError) and _has_begun_tls(error):
        return _unfinished(error)
    if isinstance(error, Echoed):  # before what it says is identified: it says our own words
        return Finding(common.OTHER_PROTOCOL, str(error))
    if foreign := signatures.foreigner(heard, speaks):
        return Finding(common.OTHER_PROTOCOL, f"{foreign.text} answers")
    match error:
        case ReadTimeout(heard=b"", spoke=True):
            return Finding(common.TOO_SLOW, "TLS works, and not one byte came in it until the time was over")
        case ReadTimeout(heard=b"", patience=patience):
            within = f" within {patience:.1f} s" if patience else ""
            return Finding(common.SILENT, f"connected, and not one byte came{within}")
        case ReadTimeout():
            return Finding(common.TOO_SLOW, f"only {_quoted(heard)} came until the time was over")
        case OurLimit():
            return Finding(common.LIMIT, str(error))
        case UnknownValue():
            return Finding(common.LIMIT, f"the right protocol answers, and {error}")
        case PeerClosed():
            return _closed(error, step, speaks, signatures)
        case ForeignBytes(first=True) if signatures.identify(heard) is None:  # else it is the protocol's own, broken
            return Finding(common.OTHER_PROTOCOL, f"another service answers: {error}; it said {_quoted(heard)}")
        case _:
            if not heard:  # not every reader knows the bytes
                return Finding(common.MALFORMED, str(error))
            return Finding(common.MALFORMED, f"{error}; it said {_quoted(heard)}")


def _closed(error: PeerClosed, step: Step, speaks: str, signatures: Signatures) -> Finding:
    """The peer hung up: before a byte, after words of the expected protocol, or after bytes that show nothing."""
    if not error.heard and step.height <= Step.HANDSHAKE.height:
        return Finding(common.HUNG_UP, str(error))
    known = signatures.identify(error.heard)
    of_its_protocol = error.between or (known is not None and known.protocol == speaks)
    cause = common.BROKEN_OFF if of_its_protocol else common.MALFORMED
    return Finding(cause, f"{error}; it had said {_quoted(error.heard)}")


def _has_begun_tls(error: StreamError) -> bool:
    return error.securing and (tls.begins_like_tls(error.heard) or (error.spoke and not error.heard))


def _unfinished(error: StreamError) -> Finding:
    """The finding for a TLS handshake that began, be it with the peer's consent to one, and did not end.

    Its bytes are TLS, which was asked for: they prove no other protocol.
    """
    if isinstance(error, ReadTimeout):
        part = f"{len(error.heard)} bytes" if error.heard else "not one byte"
        return Finding(common.TLS_TOO_SLOW, f"the TLS handshake did not end: {part} of it came until the time was over")
    when = f"after {len(error.heard)} bytes" if error.heard else "before its first byte"
    return Finding(common.TLS_FAILED, f"the TLS handshake broke off {when}: {error}")


def _quoted(heard: bytes, most: int = 60) -> str:
    if not heard:
        return "nothing"
    text = current().peer(heard.decode("latin-1"))  # before it is cut: half a secret is not recognised
    return ascii(text[:most]) + ("..." if len(text) > most else "")
