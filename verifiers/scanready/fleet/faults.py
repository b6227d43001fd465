"""Say in one line why a broker cannot be used, and what to change. No I/O.

RabbitMQ's own words are in the text of its replies (AMQP 0-9-1, 1.5.2.3). They name its Erlang terms and its log, and
differ between versions, so each known one is reported in words of our own.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from typing import Protocol

import amqp

from .names import COORDINATOR, RESULTS, VHOST, cancels_of, tasks_of

#: Seconds to open a connection, and to wait for a confirm.
PATIENCE = 10
_IMPORT = "import the definitions that `scanready fleet broker` prints"
_PORTS = "5671 for amqps://, 5672 for amqp://"
#: A reply's name at its beginning, and its last sentence.
_FRAME = re.compile(r"^[A-Z_]+ - |\.? For details see the broker logfile\.?$")
#: RabbitMQ 4 says before it which access: configure, write or read.
_ACCESS = re.compile(r"access to (\w+) '([^']*)' in vhost '[^']*' refused")
_LIMIT = re.compile(r"limit (?:in [^(]*)?\(\d+\) is reached")
_MISSING = re.compile(r"no (\w+) '([^']*)' in vhost")
_OTHER = re.compile(
    r"inequivalent arg '([^']*)' for (\w+) '([^']*)' in vhost '[^']*': received (.+?) but current is (.+)"
)
_LARGE = re.compile(r"message size (\d+) (?:is larger than|larger than) configured max size (\d+)")
#: The checks of OpenSSL that a certificate fails (X509_V_ERR_...): not yet valid, expired; another name or address.
_TIME, _NAME = (9, 10), (62, 64)
#: The code of a connection that the broker ends by itself (320, connection-forced).
_FORCED = 320
_NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH)


class Asked(Protocol):
    """The broker that was asked, as :class:`scanready.fleet.connection.Broker` has it."""

    @property
    def host(self) -> str:
        """Its name or address."""

    @property
    def netloc(self) -> str:
        """The host, in brackets if it is an IPv6 address, and the port."""

    @property
    def user(self) -> str:
        """The user that logs in."""


class BlockedError(OSError):
    """Raised if the broker takes no message because its memory or its disk is short."""


def cause_of(error: BaseException) -> BaseException:
    """Return the error that a library has wrapped in others."""
    while error.__cause__ is not None and not isinstance(error, BlockedError):
        error = error.__cause__
    return error


def explained(broker: Asked, error: BaseException, *, opening: bool = False) -> str:
    """Return in words why a broker cannot be used, and what to do.

    Args:
        opening: the connection was not open yet: the peer may be another service.
    """
    cause, where = cause_of(error), f"the broker {broker.netloc}"
    match cause:
        case BlockedError():
            return f"{where} takes no messages: its memory or its disk is short: free some, or see its log"
        case amqp.exceptions.MessageNacked():
            return f"{where} has a full queue: its reader is away or slow"
        case ssl.SSLError():
            return f"{where}{_insecure(broker, cause, opening=opening)}"
        case amqp.exceptions.ConsumerCancelled():
            return f"{where} has deleted a queue that was read: {imported(broker.user)}"
        case amqp.exceptions.AMQPError() if words := _replied(broker, cause.reply_code, _reply(cause)):
            return f"{where} {words}"
        case socket.gaierror():
            return f"{where}: its name has no address: correct --broker, or the DNS"
        case ConnectionRefusedError():
            return f"{where} refuses the connection: start RabbitMQ there, or correct the port in --broker ({_PORTS})"
        case TimeoutError():
            return (
                f"{where} does not answer within {PATIENCE} s: permit this connection in the firewall, "
                "or correct --broker"
            )
        case OSError(errno=number) if number in _NO_ROUTE:
            return f"{where}: this host has no route to it: correct --broker, or the network of this host"
        case OSError(errno=None) | ConnectionError() | amqp.exceptions.UnexpectedFrame() if opening:
            return (
                f"{where} ended the connection before it was open: correct the port in --broker ({_PORTS}), "
                "or see the log of RabbitMQ"
            )
        case OSError(errno=None) | ConnectionError() | amqp.exceptions.RecoverableConnectionError(reply_code=0):
            return f"{where} ended the connection: start RabbitMQ again, or see its log"
    return f"{where} cannot be used ({_reply(cause) or type(cause).__name__}): see its log"


def _reply(error: BaseException) -> str:
    """Return the text of a broker's reply, or that of another error, without what says nothing."""
    text = str(getattr(error, "reply_text", "") or getattr(error, "strerror", "") or error)
    return _FRAME.sub("", text)[:300]


def _replied(broker: Asked, code: int, text: str) -> str:
    """Return what a broker's reply means, after its name; empty for an unknown one."""
    user = broker.user
    if "Login was refused" in text:
        return (
            f"refuses the login of {user} (no such user, or a wrong password): correct --password-from, "
            f"or set the password with `rabbitmqctl change_password {user}`"
        )
    if found := _ACCESS.search(text):
        return _forbidden(user, *found.groups())
    if _LIMIT.search(text):
        return (
            f"takes no further connection of {user}, since a limit is reached: raise it "
            "(`rabbitmqctl set_user_limits` or `set_vhost_limits`)"
        )
    if "access to vhost" in text:
        return f'does not permit {user} to use the virtual host "{VHOST}": {imported(user)}'
    if text.startswith("vhost ") and "not found" in text:
        return f'has no virtual host "{VHOST}": {_IMPORT}'
    if found := _MISSING.search(text):
        return f"has no {found[1]} {found[2]}: {imported(user)}"
    if found := _OTHER.search(text):
        name, kind, thing, ours, theirs = (one.replace("'", "") for one in found.groups())
        return (
            f"has the {kind} {thing} with the settings of another version ({name} {theirs}, not {ours}): "
            f"delete it when it is empty (`rabbitmqctl delete_{kind} --vhost {VHOST} {thing}`)"
        )
    if found := _LARGE.search(text):
        return f"refuses a message of {int(found[1]):,} bytes: raise max_message_size ({found[2]}) in rabbitmq.conf"
    if "shutdown" in text and "connection closure" in text:
        return "ended the connection, since it shuts down: start it again"
    if code == _FORCED:
        return f"ended the connection on demand ({text}): see its log for who asked"
    if "acknowledgement" in text and "timed out" in text:
        return (
            "ended the connection, since a batch took longer than consumer_timeout of rabbitmq.conf: set 1800000 there"
        )
    return ""


def _forbidden(user: str, kind: str, name: str) -> str:
    own = name in (tasks_of(user), cancels_of(user), RESULTS)
    remedy = imported(user)
    if user != COORDINATOR and not own:
        remedy = f"this command needs the user {COORDINATOR}: name it in --broker, with its password"
    return f"does not permit {user} to use the {kind} {name}: {remedy}"


def imported(user: str) -> str:
    """Return the step that gives a user its queues and permissions."""
    return _IMPORT if user == COORDINATOR else f"{_IMPORT} with --agents {user}"


def _insecure(broker: Asked, error: ssl.SSLError, *, opening: bool) -> str:
    reason = (getattr(error, "reason", None) or "").lower().replace("_", " ")
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _TIME:
            when = "has expired" if code == _TIME[1] else "is not valid yet"
            return f": its certificate, or that of its authority, {when}: renew it there, or correct the clock here"
        case ssl.SSLCertVerificationError(verify_code=code) if code in _NAME:
            return f": its certificate is not for {broker.host}: write a name of the certificate in --broker"
        case ssl.SSLCertVerificationError():
            return f": its certificate is not trusted ({error.verify_message}): name its authority's file in --ca-file"
        case ssl.SSLEOFError() if opening:  # it was killed, or the port has no TLS: both end so
            return f" ended the connection: start it, see its log, or correct the port in --broker ({_PORTS})"
        case ssl.SSLEOFError():
            return " ended the connection: start RabbitMQ again, or see its log"
    if "certificate required" in reason or "handshake failure" in reason:
        return " wants a certificate of its clients: set ssl_options.fail_if_no_peer_cert = false in rabbitmq.conf"
    return f" answers without TLS ({reason or error}): correct the port in --broker ({_PORTS})"
