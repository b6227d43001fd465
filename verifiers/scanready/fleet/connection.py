"""Read the address of a broker, connect to it, and publish and consume messages there."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
import kombu
from kombu.exceptions import KombuError

from scanready.model import bracketed

from .broker_login import BrokerLogin, RefusedError, Transport
from .faults import PATIENCE, BlockedError, explained
from .framing import results_frames
from .names import VHOST

#: The errors that end a connection while it is used.
LOST = (OSError, amqp.exceptions.AMQPError, KombuError)
#: The errors of missing permissions or queues: another attempt fails as well.
DENIED = (amqp.exceptions.AccessRefused, amqp.exceptions.NotFound, amqp.exceptions.PreconditionFailed)
#: The options of each connection. The broker confirms each message.
TRANSPORT = {"confirm_publish": True}
#: The error of a queue that is full: the broker has not kept the message, and the connection goes on.
FULL = amqp.exceptions.MessageNacked
_PORTS = {"amqp": 5672, "amqps": 5671}


class BrokerError(Exception):
    """Raised if the broker cannot be used; the message says what to do."""


class LoginRefusedError(BrokerError):
    """Raised if the broker has refused the password: no other attempt is made with it."""


class Alarm:
    """Know whether the broker blocks one connection. RabbitMQ tells only connections that publish."""

    def __init__(self) -> None:
        self.is_on = False

    def begin(self, _reason: str) -> None:
        """Hear that the broker reads nothing more from this connection."""
        self.is_on = True

    def end(self) -> None:
        """Hear that it reads again."""
        self.is_on = False


@dataclass(frozen=True, slots=True)
class Broker:
    """The address of a broker, and the user to log in as. No repr shows the password.

    Attributes:
        login: whether the broker has refused the password to any connection of this process.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool = True
    ca_file: str | None = None
    login: BrokerLogin = field(default_factory=BrokerLogin, init=False, repr=False, compare=False)

    def connection(self, heartbeat: int = 0) -> kombu.Connection:
        """Return a connection, not opened yet; what is published through it is confirmed by the broker.

        Args:
            heartbeat: seconds; the owner must call ``heartbeat_check`` each second. 0 for none.
        """
        alarm = Alarm()
        told = {"on_blocked": alarm.begin, "on_unblocked": alarm.end}
        options = TRANSPORT | told | {"frame_handler": results_frames, "login": self.login}
        return kombu.Connection(**{**self.settings(), "heartbeat": heartbeat}, transport_options=options)

    def settings(self) -> dict[str, Any]:
        """Return the arguments of a connection."""
        return {
            "hostname": self.host,
            "port": self.port,
            "userid": self.user,
            "password": self.password,
            "virtual_host": VHOST,
            "transport": Transport,
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


def opened(broker: Broker, heartbeat: int = 0) -> kombu.Connection:
    """Connect to a broker.

    Args:
        heartbeat: as in :meth:`Broker.connection`.

    Raises:
        LoginRefusedError: it refuses the password, or has refused it before.
        BrokerError: it is away, or shows a certificate that is not trusted.
    """
    connection = broker.connection(heartbeat)
    try:
        connection.connect()
    except LOST as error:
        connection.release()
        kind = LoginRefusedError if isinstance(error, RefusedError) else BrokerError
        raise kind(explained(broker, error, opening=True)) from error
    return connection


def drop(connection: Any) -> None:
    """End a connection without a farewell, which would wait for the broker."""
    with contextlib.suppress(Exception):  # it may be broken in any way
        connection.collect()


def publish(channel: Any, exchange: str, key: str, text: str, user: str) -> None:
    """Publish a message that survives the broker's end, and wait until the broker has it.

    Args:
        user: the broker compares it with the user of the connection.

    Raises:
        BlockedError: the broker takes no messages now.
    """
    message = amqp.Message(
        text.encode("ascii"),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        user_id=user,
    )
    with blocking_told(channel):
        channel.basic_publish_confirm(message, exchange, key, mandatory=False, confirm_timeout=PATIENCE)


@contextlib.contextmanager
def blocking_told(channel: Any) -> Iterator[None]:
    """Turn a confirm that does not come because of an alarm into a BlockedError."""
    try:
        yield
    except TimeoutError as error:
        if is_blocked(channel):
            raise BlockedError("the broker has an alarm") from error
        raise


def is_blocked(channel: Any) -> bool:
    """Return True if the broker has said that it reads nothing more from the connection of a channel."""
    told = getattr(getattr(channel.connection, "on_blocked", None), "__self__", None)
    return isinstance(told, Alarm) and told.is_on


def heard(
    connection: kombu.Connection,
    queue: str,
    take: Callable[[Any], None],
    prefetch: int,
    *,
    exclusive: bool = False,
) -> Any:
    """Consume a queue in a channel of its own; return the channel. ``take`` gets each message, not acknowledged.

    Args:
        exclusive: the broker refuses any other consumer of the queue, and this one if there is another already.
    """
    channel = connection.channel()
    channel.basic_qos(0, prefetch, False)
    channel.basic_consume(queue, callback=take, exclusive=exclusive)
    return channel
