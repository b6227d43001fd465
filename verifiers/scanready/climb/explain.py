"""Translate an exception into a cause, depending on the step. The errno always stays in the finding."""

from __future__ import annotations

import errno
import socket
import ssl
import traceback
from typing import Any

from scanready.causes import common, fleet
from scanready.model import Cause, Facts, Finding, OtherFixes, Owner, Step
from scanready.net.allowed import NotAllowed
from scanready.net.echo import Echoed
from scanready.net.errors import local_limit
from scanready.net.stream import ConnectError, PeerClosed, ReadTimeout, StreamError, TlsError, TooCostly, UdpTimeout
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.redaction import current
from scanready.wire import ForeignBytes, OurLimit, UnknownValue, WireError

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
    """A client library's login that ended without an outcome: it is unknown whether the server accepted it.

    Raise it if the secret may have been sent and no answer arrived: the server may have counted a failed login.
    """


def unfinished(failure: Failure) -> Failure:
    """Return the failure of a login whose secret was sent: as `Unfinished`, unless it judges the account."""
    if isinstance(failure, Unfinished) or failure.cause.owner is Owner.IDENTITY:
        return failure
    return Unfinished(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)


# ICMP "destination unreachable" codes that mean "a rule forbids it" (RFC 1812 5.2.7.1; RFC 4443 3.1).
_PROHIBITED_4 = {9, 10, 13}
_PROHIBITED_6 = {1, 5, 6}
_PORT_UNREACHABLE = {(3, 3), (1, 4)}
_PROTOCOL_UNREACHABLE = (3, 2)
#: ICMP host unreachable, and address unreachable of ICMPv6.
HOST_UNREACHABLE = {(3, 1), (1, 3)}

_TLS_CAUSES: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (common.TLS_VERSION, ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "NO_PROTOCOLS_AVAILABLE")),
    # Each of these alerts complains about the client's certificate. The agent sends none, so none is acceptable.
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
#: Refusals by a limit or a policy of OpenSSL. Another client may continue.
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
    passes those of the run. The default recognises nothing; it is for errors before any byte was received. Never pass
    a part of the table: a loose signature could then name a protocol because a stricter one is missing.
    """
    match error:
        case Failure():
            return Finding(error.cause, error.detail, error.fix, error.also)
        case socket.gaierror(errno=number) if number in NO_SUCH_NAME:
            return Finding(common.NOT_FOUND, error.strerror or str(error))
        case socket.gaierror():
            return Finding(common.NO_ANSWER, error.strerror or str(error))
        case TimeoutError() if step is Step.RESOLVE:
            return Finding(common.NO_ANSWER, "the resolver did not answer in time")
        case NotAllowed():
            return Finding(fleet.NOT_ALLOWED, f"{error.host} is in no network of --allow; nothing was sent there")
        case ConnectError():
            return _dialled(error)
        case UdpTimeout(hasty=False):
            return Finding(common.UDP_SILENT, f"{error} in {error.waited:.1f} s")
        case ReadTimeout(heard=b"", hasty=True, spoke=False):
            return Finding(common.OUT_OF_TIME, f"{error} ({error.waited:.1f} s, too short to prove silence)")
        case ReadTimeout(heard=b"") if step is Step.CONNECT:
            return Finding(common.FILTERED, "no answer to the connection request")
        case TlsError():
            return _tls(error, speaks, signatures)
        case TooCostly():
            return Finding(common.LIMIT, str(error))
        case WireError() | StreamError():
            return _talked(error, step, speaks, signatures)
        case TimeoutError():
            return Finding(common.OUT_OF_TIME, "this target's time limit is over")
        case ssl.SSLError():
            return Finding(common.TLS_FAILED, str(error))
        case OSError() if limit := local_limit(error):
            return Finding(common.LOCAL_LIMIT, limit)
        case MemoryError():
            return Finding(common.LIMIT, "this host is out of memory")
        case _:
            text = traceback.TracebackException(type(error), error, None)  # also works if __str__ fails
            return Finding(common.BUG, f"{type(error).__name__}: {current().peer(str(text))}")


def only(error: Exception) -> Exception:
    """Return the exception in a group of one, which a task group makes of it; return any other unchanged."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _dialled(error: ConnectError) -> Finding:
    """Return the finding for a failed connection, with the sender of the ICMP message if there was one."""
    if limit := local_limit(error):
        return Finding(common.LOCAL_LIMIT, limit)
    source = f" (ICMP type {error.icmp[0]} code {error.icmp[1]} from {error.offender})" if error.icmp else ""
    if _forbidden(error):
        return Finding(common.REJECTED, f"{error.strerror}{source}", case="by-router" if error.offender else "")
    match error.errno:
        case errno.ECONNREFUSED if error.datagram_to:
            return Finding(common.REFUSED, f"port unreachable: no service listens on this UDP port{source}")
        case errno.ECONNREFUSED:
            return Finding(
                common.REFUSED, "connection refused (reset): no service listens, or a firewall sent the reset"
            )
        case errno.ETIMEDOUT:
            return Finding(common.FILTERED, "no answer to the connection request")
        case _:
            return Finding(common.UNREACHABLE, f"{error.strerror}{source}", case=_unreachable(error))


def _unreachable(error: ConnectError) -> str:
    """Return the case that the ICMP message shows, empty without one."""
    if error.icmp is None or not error.offender:
        return ""
    return "said-by" if error.icmp in HOST_UNREACHABLE else "said-by-network"


def _forbidden(error: ConnectError) -> bool:
    """Return whether a filter rule rejected the connection, by ICMP codes that forbid it or that only filters send.

    A TCP stack answers a closed port with a reset. A *port unreachable* for TCP comes from a packet filter, possibly
    the target's own. For UDP the stack itself sends it, if the sender is the host that was asked.
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
    from scanready.wire import tls  # no packet waits for what only a failure needs

    foreign = signatures.identify(error.heard) if error.securing else None  # otherwise these bytes arrived inside TLS
    if foreign is not None and foreign.protocol not in ("tls", speaks):
        return Finding(common.OTHER_PROTOCOL, f"{foreign.text} answers, without TLS")
    if foreign is not None and foreign.protocol == speaks != "tls":
        return Finding(common.TLS_NOT_OFFERED, f"{foreign.text} answers in plain text on this port")
    if "ALERT_HANDSHAKE_FAILURE" in error.reason and tls.starts_with_server_hello(error.heard):
        detail = f"{error} after the ServerHello: a TLS 1.2 server rejects a missing client certificate this way"
        return Finding(common.TLS_CLIENT_CERTIFICATE, detail)
    if "NO_APPLICATION_PROTOCOL" in error.reason.upper().replace(" ", "_"):
        return Finding(common.LIMIT, "the server does not support HTTP/1.1 over TLS (usually it supports only HTTP/2)")
    for cause, reasons in _TLS_CAUSES:
        if any(reason in error.reason for reason in reasons):
            return Finding(cause, f"{error}")
    if not error.reason.startswith(_ALERTS) and any(word in error.reason for word in _OF_OPENSSL):
        return Finding(common.LIMIT, f"OpenSSL, which scanready uses for TLS, rejects the server's answer: {error}")
    if not error.securing:
        return Finding(common.TLS_FAILED, f"the TLS session failed after its handshake: {error}")
    if "WRONG_VERSION_NUMBER" in error.reason:
        answer = f": {_quoted(error.heard)}" if error.heard else ""  # a client library does not show these bytes
        return Finding(common.TLS_NOT_OFFERED, f"the answer to the TLS ClientHello is not TLS{answer}")
    if "unknown error" in error.reason and (alert := tls.alert(error.heard)):  # a number that OpenSSL has no name for
        return Finding(common.TLS_FAILED, f"the server answers with the TLS alert {alert.description}")
    return Finding(common.TLS_FAILED, str(error))


def _talked(error: WireError | StreamError, step: Step, speaks: str, signatures: Signatures) -> Finding:
    """Return the finding for an error after the connect: silence, a close, another protocol, or a broken one."""
    heard = getattr(error, "heard", b"")
    if isinstance(error, StreamError) and _has_begun_tls(error):
        return _unfinished(error)
    if isinstance(error, Echoed):  # first, because the bytes are the agent's own and must not be identified
        return Finding(common.OTHER_PROTOCOL, str(error))
    if foreign := signatures.foreigner(heard, speaks):
        return Finding(common.OTHER_PROTOCOL, f"{foreign.text} answers")
    match error:
        case ReadTimeout(heard=b"", spoke=True):
            return Finding(common.TOO_SLOW, "TLS works, but the server sent no data over it before the time limit")
        case ReadTimeout(heard=b"", patience=patience):
            within = f" within {patience:.1f} s" if patience else ""
            return Finding(common.SILENT, f"connected, but the server sent no data{within}")
        case ReadTimeout():
            return Finding(common.TOO_SLOW, f"the server sent only {_quoted(heard)} before the time limit")
        case OurLimit():
            return Finding(common.LIMIT, str(error))
        case UnknownValue():
            return Finding(common.LIMIT, f"the expected protocol answers, but {error}")
        case PeerClosed():
            return _closed(error, step, speaks, signatures)
        case ForeignBytes(first=True) if (
            signatures.identify(heard) is None
        ):  # otherwise it is the expected protocol, broken
            return Finding(common.OTHER_PROTOCOL, f"another service answers: {error}; it sent {_quoted(heard)}")
        case _:
            if not heard:  # not every reader knows the bytes
                return Finding(common.MALFORMED, str(error))
            return Finding(common.MALFORMED, f"{error}; it sent {_quoted(heard)}")


def _closed(error: PeerClosed, step: Step, speaks: str, signatures: Signatures) -> Finding:
    """Return the finding for a close: before any byte, after the expected protocol's bytes, or after unknown bytes."""
    if not error.heard and step.height <= Step.HANDSHAKE.height:
        return Finding(common.HUNG_UP, str(error))
    known = signatures.identify(error.heard)
    of_its_protocol = error.between or (known is not None and known.protocol == speaks)
    cause = common.BROKEN_OFF if of_its_protocol else common.MALFORMED
    return Finding(cause, f"{error}; it had sent {_quoted(error.heard)}")


def _has_begun_tls(error: StreamError) -> bool:
    from scanready.wire import tls

    return error.securing and (tls.begins_like_tls(error.heard) or (error.spoke and not error.heard))


def _unfinished(error: StreamError) -> Finding:
    """Return the finding for a TLS handshake that began, or that the peer agreed to, and did not finish.

    Its bytes are the TLS that was asked for, so they prove no other protocol.
    """
    if isinstance(error, ReadTimeout):
        part = f"{len(error.heard)} bytes" if error.heard else "nothing"
        return Finding(
            common.TLS_TOO_SLOW, f"the TLS handshake did not finish: the server sent {part} of it before the time limit"
        )
    when = f"after {len(error.heard)} bytes" if error.heard else "before its first byte"
    return Finding(common.TLS_FAILED, f"the TLS handshake ended {when}: {error}")


def _quoted(heard: bytes, most: int = 60) -> str:
    if not heard:
        return "nothing"
    text = current().peer(heard.decode("latin-1"))  # before the cut, because half a secret is not recognised
    return ascii(text[:most]) + ("..." if len(text) > most else "")
