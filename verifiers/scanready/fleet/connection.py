"""Read the address of a broker, connect to it, and say in words why that fails."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
import kombu
from kombu.exceptions import KombuError

from scanready.model import bracketed

from .framing import results_frames
from .names import VHOST

#: Seconds to open a connection, and to wait for a confirm.
PATIENCE = 10
#: The errors that end a connection while it is used.
LOST = (OSError, amqp.exceptions.AMQPError, KombuError)
#: The errors of missing permissions or queues: another attempt fails as well.
DENIED = (amqp.exceptions.AccessRefused, amqp.exceptions.NotFound, amqp.exceptions.PreconditionFailed)
#: The options of each connection. The broker confirms each message.
TRANSPORT = {"confirm_publish": True}
_PORTS = {"amqp": 5672, "amqps": 5671}


class BrokerError(Exception):
    """Raised if the broker cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Broker:
    """The address of a broker, and the user to log in as. No repr shows the password."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool = True
    ca_file: str | None = None

    def connection(self) -> kombu.Connection:
        """Return a connection, not opened yet; what is published through it is confirmed by the broker."""
        return kombu.Connection(**self.settings(), transport_options=TRANSPORT | {"frame_handler": results_frames})

    def settings(self) -> dict[str, Any]:
        """Return the arguments of a connection."""
        return {
            "hostname": self.host,
            "port": self.port,
            "userid": self.user,
            "password": self.password,
            "virtual_host": VHOST,
            "transport": "pyamqp",
            "login_method": "PLAIN",
            "connect_timeout": PATIENCE,
            "heartbeat": 0,  # the kernel's keep-alive tells of a broker that is gone; a publisher may be idle for hours
            "ssl": self.tls_settings(),
        }

    def tls_settings(self) -> dict[str, Any] | bool:
        """Return the settings of TLS; False where the connection does not leave this host."""
        if not self.tls:
            return False
        return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": self.ca_file, "server_hostname": self.host}

    @property
    def netloc(self) -> str:
        """The host, in brackets if it is an IPv6 address, and the port."""
        return f"{bracketed(self.host)}:{self.port}"


def broker_of(url: str, user: str, password: str | None, ca_file: str | None) -> Broker:
    """Return the broker that a URL names.

    Args:
        url: ``amqps://[USER[:PASSWORD]@]HOST[:PORT]``; ``amqp://`` is for this host only.
        user: where the URL names none.
        password: takes the place of that in the URL.

    Raises:
        BrokerError: the URL cannot be used.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _PORTS or parts.path.strip("/") not in ("", VHOST):
        raise BrokerError("the address of the broker must be amqps://USER@HOST[:PORT]")
    if parts.scheme == "amqp" and not _is_this_host(host):
        raise BrokerError(f"amqp:// would send the password to {host} in clear text: use amqps:// (TLS)")
    secret = password if password is not None else unquote(parts.password or "")
    if not secret:
        raise BrokerError("the broker wants a password: give --password-from REFERENCE")
    named = unquote(parts.username or "") or user
    return Broker(host, port or _PORTS[parts.scheme], named, secret, parts.scheme == "amqps", ca_file)


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def opened(broker: Broker) -> kombu.Connection:
    """Connect to a broker.

    Raises:
        BrokerError: it is away, refuses the login, or shows a certificate that is not trusted.
    """
    connection = broker.connection()
    try:
        connection.connect()
    except LOST as error:
        connection.release()
        raise BrokerError(explained(broker, error)) from error
    return connection


def explained(broker: Broker, error: BaseException) -> str:
    """Return in words why a broker cannot be used, and what to do."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    where = f"the broker {broker.netloc}"
    match cause:
        case ssl.SSLCertVerificationError():
            reason = f"its certificate is not trusted ({cause.verify_message})"
            return (
                f"{where}: {reason}: name the file of its authority with --ca-file, and the host as in the certificate"
            )
        case ssl.SSLEOFError():  # it was killed, or the port has no TLS: both end so
            return (
                f"{where} ended the connection: start it, see its log, or correct the port, usually 5671 for amqps://"
            )
        case ssl.SSLError():
            return f"{where}: no TLS ({cause.reason or cause}): the port of amqps:// is usually 5671"
        case amqp.exceptions.AccessRefused():
            return f"{where} refuses {broker.user}: {_short(cause)}: compare user and password with its definitions"
        case amqp.exceptions.NotAllowed() | amqp.exceptions.NotFound():
            return f"{where}: {_short(cause)}: import the definitions that `scanready fleet broker` prints"
        case socket.gaierror():
            return f"{where}: the name has no address: correct --broker, or the DNS"
        case ConnectionRefusedError():
            return f"{where} refuses the connection: start it, or correct the port in --broker"
        case TimeoutError():
            return f"{where} does not answer within {PATIENCE} s: permit this connection in the firewall"
    return f"{where}: {_short(cause) or type(cause).__name__}: start it, or see its log"


def _short(error: BaseException) -> str:
    text = str(getattr(error, "reply_text", "") or getattr(error, "strerror", "") or error)
    return text[:200]


def publish(channel: Any, exchange: str, key: str, text: str, user: str) -> None:
    """Publish a message that survives the broker's end, and wait until the broker has it.

    Args:
        user: the broker compares it with the user of the connection.
    """
    message = amqp.Message(
        text.encode("ascii"),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        user_id=user,
    )
    channel.basic_publish_confirm(message, exchange, key, mandatory=False, confirm_timeout=PATIENCE)


def heard(connection: kombu.Connection, queue: str, take: Callable[[Any], None], prefetch: int) -> Any:
    """Consume a queue in a channel of its own; return the channel. ``take`` gets each message, not acknowledged."""
    channel = connection.channel()
    channel.basic_qos(0, prefetch, False)
    channel.basic_consume(queue, callback=take)
    return channel
