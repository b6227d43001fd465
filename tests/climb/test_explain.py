"""Which error at which step has which cause, and what the operator reads: a table of every exception a climb meets."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from scanready.causes import common
from scanready.climb.explain import Failure, explain
from scanready.climb.identify import Signatures
from scanready.climb.signature import Signature, says
from scanready.model import Cause, Finding, Step
from scanready.net.errors import LEAST_SILENCE
from scanready.net.stream import (
    ConnectError,
    PeerClosed,
    ReadTimeout,
    StreamError,
    TlsError,
    UdpTimeout,
)
from scanready.wire import OurLimit, UnknownValue, WireError

SIGNATURES = Signatures(
    [
        Signature("ssh", says(rb"SSH-2\.0-(\S+)", "an SSH server ({0})"), 1),
        Signature("http", says(rb"HTTP/1\.[01] ", "an HTTP server"), 2),
        Signature("tls", says(rb"\x16\x03|\x15\x03", "TLS"), 3),
    ]
)
SSH, HTTP = b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n"
#: The record in which a server chooses version and cipher: handshake, TLS 1.2, 64 bytes, ServerHello.
SERVER_HELLO = b"\x16\x03\x03\x00\x40\x02" + bytes(63)
#: A fatal alert 40, handshake_failure.
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
LATER = (Step.AUTH, Step.LOGIN, Step.ACCESS)


def found(error: BaseException, step: Step = Step.HANDSHAKE, speaks: str = "postgresql") -> tuple[str, str]:
    """Code and detail for an error of a target whose server speaks ``speaks``."""
    finding = explain(error, step, speaks, SIGNATURES)
    assert finding.fix is None
    return finding.cause.code, finding.detail


def wire(message: str, heard: bytes = b"") -> WireError:
    error = WireError(message)
    error.heard = heard
    return error


def dial(
    number: int, icmp: tuple[int, int] | None = None, offender: str | None = None, datagram_to: str | None = None
) -> ConnectError:
    return ConnectError(OSError(number, os.strerror(number)), icmp, offender, datagram_to)


# --- a cause that somebody has recognised ---------------------------------------------------------------------------


@pytest.mark.parametrize("step", Step)
def test_a_recognised_cause_is_kept_with_its_fix(step: Step) -> None:
    failure = Failure(common.LOGIN_LOCKED, "account svc is locked", "ALTER USER svc UNLOCK", attempts=3)
    assert explain(failure, step, "oracle") == Finding(
        common.LOGIN_LOCKED, "account svc is locked", "ALTER USER svc UNLOCK"
    )
    assert str(failure) == "login.locked: account svc is locked"
    assert failure.facts == {"attempts": 3}


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "resolve.not-found"),
        (socket.EAI_NODATA, "resolve.not-found"),
        (socket.EAI_AGAIN, "resolve.no-answer"),
        (socket.EAI_FAIL, "resolve.no-answer"),
        (socket.EAI_SYSTEM, "resolve.no-answer"),
    ],
)
def test_what_the_resolver_says(number: int, code: str) -> None:
    assert found(socket.gaierror(number, "in its words"), Step.RESOLVE) == (code, "in its words")
    wordless = socket.gaierror(number, "")
    assert found(wordless, Step.RESOLVE) == (code, str(wordless))


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_resolver_without_an_answer_is_the_resolvers_fault() -> None:
    answer = ("resolve.no-answer", "the resolver did not answer in time")
    assert found(TimeoutError(), Step.RESOLVE) == answer


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.RESOLVE])
def test_our_own_time_is_nobodys_fault(step: Step) -> None:
    assert found(TimeoutError(), step) == ("scanready.out-of-time", "this target's time limit is over")


LONG, SHORT = LEAST_SILENCE, LEAST_SILENCE - 0.1
NO_ANSWER_TO_SYN = "no answer to the connection request"
NO_BYTE = "connected, but the server sent no data"
NO_BYTE_IN_TIME = f"{NO_BYTE} within 2.5 s"
HASTY = "no answer (1.5 s, too short to prove silence)"
SILENT_IN_TLS = "TLS works, but the server sent no data over it before the time limit"
PART = r"the server sent only 'R\x00' before the time limit"


def timeout(waited: float, heard: bytes = b"", patience: float | None = None, spoke: bool = False) -> ReadTimeout:
    return ReadTimeout("no answer", heard, waited, patience, spoke)


@pytest.mark.parametrize(
    ("error", "step", "code", "detail"),
    [
        (timeout(LONG), Step.CONNECT, "connect.filtered", NO_ANSWER_TO_SYN),
        (timeout(LONG), Step.HANDSHAKE, "handshake.silent", NO_BYTE),
        (timeout(LONG, patience=2.5), Step.HANDSHAKE, "handshake.silent", NO_BYTE_IN_TIME),
        (timeout(SHORT), Step.CONNECT, "scanready.out-of-time", HASTY),
        (timeout(SHORT), Step.HANDSHAKE, "scanready.out-of-time", HASTY),
        (timeout(SHORT, spoke=True), Step.HANDSHAKE, "handshake.too-slow", SILENT_IN_TLS),
        (timeout(LONG, spoke=True), Step.HANDSHAKE, "handshake.too-slow", SILENT_IN_TLS),
        (timeout(SHORT, b"R\0"), Step.AUTH, "handshake.too-slow", PART),
        (timeout(LONG, b"R\0"), Step.CONNECT, "handshake.too-slow", PART),
        (timeout(LONG, SSH), Step.HANDSHAKE, "handshake.other-protocol", "an SSH server (OpenSSH_9.2) answers"),
        (UdpTimeout("no answer", b"", LONG), Step.HANDSHAKE, "connect.udp-silent", "no answer in 1.6 s"),
        (UdpTimeout("no answer", b"", SHORT), Step.HANDSHAKE, "scanready.out-of-time", HASTY),
    ],
    ids=[
        "connect",
        "handshake",
        "handshake-with-patience",
        "connect-hasty",
        "handshake-hasty",
        "in-tls-hasty",
        "in-tls",
        "half-a-message-hasty",
        "half-a-message",
        "another-protocol",
        "udp",
        "udp-hasty",
    ],
)
def test_a_peer_that_does_not_answer(error: ReadTimeout, step: Step, code: str, detail: str) -> None:
    assert found(error, step) == (code, detail)


# --- connections that were refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code", "detail"),
    [
        (
            errno.ECONNREFUSED,
            "connect.refused",
            "connection refused (reset): no service listens, or a firewall sent the reset",
        ),
        (errno.ETIMEDOUT, "connect.filtered", "no answer to the connection request"),
        (errno.ENETUNREACH, "connect.unreachable", "Network is unreachable"),
        (errno.EHOSTUNREACH, "connect.unreachable", "No route to host"),
        (errno.EHOSTDOWN, "connect.unreachable", "Host is down"),
        (errno.ENETDOWN, "connect.unreachable", "Network is down"),
        (errno.EINVAL, "connect.unreachable", "Invalid argument"),
        (errno.ENOPROTOOPT, "connect.rejected", "Protocol not available"),
        (errno.EMFILE, "connect.local-limit", "this process is out of file descriptors (ulimit -n)"),
        (errno.ENFILE, "connect.local-limit", "this host is out of file descriptors (fs.file-max)"),
        (errno.EADDRNOTAVAIL, "connect.local-limit", "this host has no free port or no source address for the target"),
        (errno.EACCES, "connect.local-limit", "this host's own policy forbids the connection"),
        (errno.EPERM, "connect.local-limit", "this host's own firewall or policy forbids the connection"),
        (errno.ENOBUFS, "connect.local-limit", "this host is out of buffer space"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_what_the_kernel_says_of_a_connection(number: int, code: str, detail: str) -> None:
    assert found(dial(number), Step.CONNECT) == (code, detail)


FORBIDDEN_4 = {9: "network", 10: "host", 13: "communication"}  # "administratively prohibited": RFC 1122, RFC 1812
FORBIDDEN_6 = {1: "prohibited", 5: "source policy", 6: "reject route"}  # RFC 4443, 3.1


@pytest.mark.parametrize("code", range(16))
def test_icmp_destination_unreachable(code: int) -> None:
    """A rule forbids it, or there is no way; a port or protocol unreachable for TCP comes from a filter."""
    rejected = code in FORBIDDEN_4 or code in (2, 3)
    detail = f"No route to host (ICMP type 3 code {code} from 10.0.0.1)"
    cause = "connect.rejected" if rejected else "connect.unreachable"
    assert found(dial(errno.EHOSTUNREACH, (3, code), "10.0.0.1"), Step.CONNECT) == (cause, detail)


@pytest.mark.parametrize("code", range(8))
def test_icmp_destination_unreachable_of_ipv6(code: int) -> None:
    rejected = code in FORBIDDEN_6 or code == 4
    detail = f"Permission denied (ICMP type 1 code {code} from fe80::1)"
    cause = "connect.rejected" if rejected else "connect.unreachable"
    assert found(dial(errno.EACCES, (1, code), "fe80::1"), Step.CONNECT) == (cause, detail)


@pytest.mark.parametrize(
    ("icmp", "offender"),
    [
        ((11, 13), "10.0.0.1"),  # time exceeded
        ((12, 9), "10.0.0.1"),  # parameter problem
        ((1, 13), "10.0.0.1"),
        ((3, 1), "fe80::1"),
        ((2, 1), "fe80::1"),  # packet too big
        ((3, 5), "fe80::1"),
        ((1, 9), "fe80::1"),
    ],
)
def test_other_icmp_messages_forbid_nothing(icmp: tuple[int, int], offender: str) -> None:
    code, detail = found(dial(errno.EHOSTUNREACH, icmp, offender), Step.CONNECT)
    assert code == "connect.unreachable"
    assert detail.endswith(f"(ICMP type {icmp[0]} code {icmp[1]} from {offender})")


@pytest.mark.parametrize(
    ("icmp", "host", "gateway"), [((3, 3), "10.0.0.7", "10.0.0.1"), ((1, 4), "fe80::7", "fe80::1")]
)
def test_a_closed_udp_port_is_the_hosts_own_word_or_a_filters(icmp: tuple[int, int], host: str, gateway: str) -> None:
    kind, number = icmp
    code, detail = found(dial(errno.ECONNREFUSED, icmp, host, datagram_to=host))
    assert code == "connect.refused"
    assert detail == (
        f"port unreachable: no service listens on this UDP port (ICMP type {kind} code {number} from {host})"
    )
    code, detail = found(dial(errno.ECONNREFUSED, icmp, gateway, datagram_to=host))
    assert code == "connect.rejected"
    assert detail == f"Connection refused (ICMP type {kind} code {number} from {gateway})"


def test_a_closed_udp_port_where_the_kernel_tells_no_icmp() -> None:
    answer = ("connect.refused", "port unreachable: no service listens on this UDP port")
    assert found(dial(errno.ECONNREFUSED, datagram_to="10.0.0.7")) == answer


# --- TLS ------------------------------------------------------------------------------------------------------------


def in_handshake(reason: str, heard: bytes) -> TlsError:
    return TlsError(reason, heard, securing=True)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", common.TLS_VERSION),
        ("UNSUPPORTED_PROTOCOL", common.TLS_VERSION),
        ("WRONG_SSL_VERSION", common.TLS_VERSION),
        ("NO_PROTOCOLS_AVAILABLE", common.TLS_VERSION),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_BAD_CERTIFICATE", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_NO_CERTIFICATE", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", common.TLS_CLIENT_CERTIFICATE),
        ("TLSV1_ALERT_UNKNOWN_CA", common.TLS_CLIENT_CERTIFICATE),
        ("TLSV1_ALERT_ACCESS_DENIED", common.TLS_CLIENT_CERTIFICATE),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", common.TLS_NO_COMMON_CIPHER),
        ("NO_SHARED_CIPHER", common.TLS_NO_COMMON_CIPHER),
        ("TLSV1_ALERT_INSUFFICIENT_SECURITY", common.TLS_NO_COMMON_CIPHER),
        ("NO_CIPHERS_AVAILABLE", common.TLS_NO_COMMON_CIPHER),
        ("TLSV1_UNRECOGNIZED_NAME", common.TLS_NAME_MISMATCH),
        ("TLSV1_ALERT_INTERNAL_ERROR", common.TLS_FAILED),
        ("UNEXPECTED_MESSAGE", common.TLS_FAILED),
    ],
)
def test_the_reason_of_a_failed_tls_handshake(reason: str, cause: Cause) -> None:
    assert found(in_handshake(reason, ALERT), Step.TLS) == (cause.code, reason.lower().replace("_", " "))


def test_a_handshake_failure_after_the_cipher_was_chosen_asks_for_a_client_certificate() -> None:
    error = TlsError("SSLV3_ALERT_HANDSHAKE_FAILURE", SERVER_HELLO)
    assert found(error, Step.TLS) == (
        "tls.client-certificate",
        "sslv3 alert handshake failure after the ServerHello: "
        "a TLS 1.2 server rejects a missing client certificate this way",
    )
    assert found(TlsError("TLSV1_ALERT_INTERNAL_ERROR", SERVER_HELLO), Step.TLS)[0] == "tls.failed"


@pytest.mark.parametrize("reason", ["TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "tlsv1 alert no application protocol"])
def test_a_server_that_wants_another_http_is_our_limit(reason: str) -> None:
    detail = "the server does not support HTTP/1.1 over TLS (usually it supports only HTTP/2)"
    assert found(TlsError(reason, ALERT), Step.TLS, "http") == ("scanready.limit", detail)


@pytest.mark.parametrize(
    ("heard", "speaks", "code", "detail"),
    [
        (SSH, "http", "handshake.other-protocol", "an SSH server (OpenSSH_9.2) answers, without TLS"),
        (SSH, "tls", "handshake.other-protocol", "an SSH server (OpenSSH_9.2) answers, without TLS"),
        (HTTP, "http", "tls.not-offered", "an HTTP server answers in plain text on this port"),
        (b"", "http", "tls.not-offered", "the answer to the TLS ClientHello is not TLS"),
        (b"E\r\n", "http", "tls.not-offered", r"the answer to the TLS ClientHello is not TLS: 'E\r\n'"),
        (ALERT, "tls", "tls.not-offered", r"the answer to the TLS ClientHello is not TLS: '\x15\x03\x03\x00\x02\x02('"),
    ],
)
def test_an_answer_to_the_tls_hello_that_is_not_tls(heard: bytes, speaks: str, code: str, detail: str) -> None:
    assert found(in_handshake("WRONG_VERSION_NUMBER", heard), Step.TLS, speaks) == (code, detail)


@pytest.mark.parametrize("heard", [b"", HTTP, SSH])
def test_what_breaks_a_session_was_heard_inside_tls(heard: bytes) -> None:
    detail = "the TLS session failed after its handshake: wrong version number"
    assert found(TlsError("WRONG_VERSION_NUMBER", heard), Step.AUTH, "http") == ("tls.failed", detail)


def test_a_client_certificate_is_demanded_after_the_handshake_of_tls_1_3() -> None:
    error = TlsError("TLSV13_ALERT_CERTIFICATE_REQUIRED", HTTP)
    assert found(error, Step.HANDSHAKE, "http")[0] == "tls.client-certificate"


def test_an_error_of_the_tls_library_itself() -> None:
    error = ssl.SSLError(1, "no entropy")
    assert found(error, Step.TLS) == ("tls.failed", str(error))


# --- the talk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Step.CONNECT, Step.TLS, Step.HANDSHAKE])
def test_a_peer_that_closes_before_a_word(step: Step) -> None:
    closed = PeerClosed("the server closed the connection before it sent any data")
    assert found(closed, step) == ("handshake.hung-up", str(closed))


@pytest.mark.parametrize("step", [Step.CONNECT, Step.TLS, Step.HANDSHAKE])
def test_a_peer_that_closes_after_words_of_its_protocol(step: Step) -> None:
    """Whole messages of the expected protocol were read; or the beginning of one shows it."""
    assert found(PeerClosed("closed", b"R\0", unread=0), step) == (
        "handshake.broken-off",
        r"closed; it had sent 'R\x00'",
    )
    assert found(PeerClosed("closed", SSH), step, "ssh")[0] == "handshake.broken-off"
    assert found(PeerClosed("closed", b"R\0"), step)[0] == "handshake.malformed"


@pytest.mark.parametrize("step", LATER)
def test_a_peer_that_closes_a_second_connection_before_a_word(step: Step) -> None:
    """By then it has shown its protocol: no access list closed this one."""
    assert found(PeerClosed("closed"), step) == ("handshake.malformed", "closed; it had sent nothing")


@pytest.mark.parametrize("step", [Step.HANDSHAKE, *LATER])
@pytest.mark.parametrize("value", [7, b"\x07", "seven"])
def test_a_value_that_is_not_known_is_told_and_decides_nothing(value: int | bytes | str, step: Step) -> None:
    code, detail = found(UnknownValue("the state of the answer", value), step)
    assert code == "scanready.limit"
    shown = "7 (0x7)" if value == 7 else ascii(value)
    assert (
        detail
        == f"the expected protocol answers, but the state of the answer is {shown}, a value that is not known here"
    )


def test_an_unknown_value_of_another_protocol_is_that_protocol() -> None:
    error = UnknownValue("the type of a packet", 0x53)
    error.heard = b"SSH-2.0-OpenSSH_9.2\r\n"
    assert found(error, Step.HANDSHAKE)[0] == "handshake.other-protocol"


def test_more_than_we_take_is_our_limit() -> None:
    assert found(OurLimit("more than 5 bytes were not read"), Step.HANDSHAKE) == (
        "scanready.limit",
        "more than 5 bytes were not read",
    )


@pytest.mark.parametrize("step", [Step.HANDSHAKE, *LATER])
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (PeerClosed("closed", b"R\0"), r"closed; it had sent 'R\x00'"),
        (wire("a length of 0"), "a length of 0"),
        (wire("a length of 0", b"R\0"), r"a length of 0; it sent 'R\x00'"),
        (StreamError("it broke", b"R\0"), r"it broke; it sent 'R\x00'"),
    ],
    ids=["closed", "rule-broken", "rule-broken-after-words", "stream-broke"],
)
def test_a_peer_that_breaks_its_protocol(error: Exception, detail: str, step: Step) -> None:
    assert found(error, step) == ("handshake.malformed", detail)


@pytest.mark.parametrize("step", [Step.HANDSHAKE, Step.AUTH])
@pytest.mark.parametrize(
    "error",
    [PeerClosed("closed", SSH), wire("a length of 0", SSH), ReadTimeout("no answer", SSH, 9.0)],
    ids=["closed", "rule-broken", "slow"],
)
def test_another_protocol_outranks_what_became_of_the_talk(error: Exception, step: Step) -> None:
    other = ("handshake.other-protocol", "an SSH server (OpenSSH_9.2) answers")
    assert found(error, step) == other
    assert found(error, step, "ssh")[0] != other[0]
    assert explain(error, step, "http").cause.code != other[0], "without signatures nothing is recognised"


def test_no_more_than_the_first_sixty_bytes_are_quoted() -> None:
    assert found(wire("x", b"a" * 60))[1] == f"x; it sent '{'a' * 60}'"
    assert found(wire("x", b"a" * 61))[1] == f"x; it sent '{'a' * 60}'..."


# --- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
def test_a_limit_of_this_host_outside_a_connection(number: int) -> None:
    code, detail = found(OSError(number, os.strerror(number)))
    assert code == "connect.local-limit"
    assert "this host" in detail or "this process" in detail


def test_a_host_without_memory_says_nothing_of_the_target() -> None:
    assert found(MemoryError()) == ("scanready.limit", "this host is out of memory")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (LookupError("oops"), "LookupError: oops"),
        (OSError(errno.ENOENT, "No such file"), "FileNotFoundError: [Errno 2] No such file"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_what_nobody_translated_is_our_bug(error: Exception, detail: str) -> None:
    assert found(error) == ("scanready.bug", detail)
