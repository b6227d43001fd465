"""Present a password to the broker until it is refused, and never again after that.

An agent has several connections, in threads of their own. Each would try again by itself, and the broker logs every
refusal; an authority behind it may count them, and lock the user. So one connection at a time presents the password as
long as the broker has not answered, and the first refusal is that of all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import amqp
from amqp import sasl
from kombu.transport import pyamqp

from .faults import PATIENCE
from .plain_tasks import PlainChannel


class RefusedError(amqp.exceptions.AccessRefused):  # type: ignore[misc]  # the library has few types
    """Raised if the broker has refused the password: then, and in place of each later login."""


class BrokerLogin:
    """The password of one user at one broker, as this process knows it.

    Attributes:
        told: called once, in any thread, with the refusal.
    """

    def __init__(self) -> None:
        self._presented = threading.Lock()
        self._refusal: RefusedError | None = None
        self.told: Callable[[RefusedError], object] = lambda _: None

    def __deepcopy__(self, _: object) -> BrokerLogin:
        """Return itself: Celery copies its settings, and a refusal is that of all connections."""
        return self

    def demand(self) -> None:
        """Return if the password may be presented.

        Raises:
            RefusedError: it was refused.
        """
        if self._refusal is not None:
            raise RefusedError(self._refusal.reply_text)

    def begin(self) -> None:
        """Wait until no other connection has an answer to come.

        Raises:
            RefusedError: the password was refused.
            TimeoutError: the broker has not answered the other connection.
        """
        if not self._presented.acquire(timeout=PATIENCE):
            raise TimeoutError("the broker has not answered the login of another connection")
        if self._refusal is not None:
            self._presented.release()
            self.demand()

    def end(self, refusal: RefusedError | None) -> None:
        """Hear that the broker has answered, or that the connection was lost."""
        self._refusal = refusal
        self._presented.release()
        if refusal is not None:
            self.told(refusal)


class _Presented(sasl.PLAIN):  # type: ignore[misc]
    """Say that the password is about to leave."""

    def __init__(self, user: str, password: str, about_to: Callable[[], None]) -> None:
        super().__init__(user, password)
        self._about_to = about_to

    def start(self, connection: Any) -> Any:
        """Return the response; the library calls this when the broker has named its mechanisms."""
        self._about_to()
        return super().start(connection)


class _Connection(pyamqp.Connection):  # type: ignore[misc]
    """A connection that asks before it logs in, and tells how that ended."""

    Channel = PlainChannel

    def __init__(self, *, login: BrokerLogin, userid: str, password: str, **options: Any) -> None:
        mechanism = _Presented(userid, password, self._begin)
        super().__init__(authentication=mechanism, **options)
        self._login, self._has_begun = login, False

    def connect(self, callback: Any = None) -> Any:
        """Open the connection; the library calls this.

        Raises:
            RefusedError: the broker refuses the password, or has refused it before.
        """
        if self.connected:
            return super().connect(callback)
        self._login.demand()
        refusal: RefusedError | None = None
        try:
            return super().connect(callback)
        except RefusedError:
            self.collect()
            raise
        except amqp.exceptions.AccessRefused as error:  # before the connection is open, this is about the login
            refusal = RefusedError(error.reply_text)
            raise refusal from None
        finally:
            if self._has_begun:
                self._has_begun = False
                self._login.end(refusal)

    def _begin(self) -> None:
        self._login.begin()
        self._has_begun = True


class Transport(pyamqp.Transport):  # type: ignore[misc]
    """The AMQP transport of kombu and Celery; its option ``login`` is a :class:`BrokerLogin`."""

    Connection = _Connection
