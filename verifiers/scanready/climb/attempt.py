"""Describe one login in progress, and the ways in which it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scanready.net.stream import TlsError

from .explain import Failure, Unfinished
from .login_result import before_the_secret
from .login_trace import secret_left, secret_noted


class ProcessLost(Exception):
    """The process in which a login was under way has ended; the server may have counted that login."""


@dataclass(slots=True, eq=False)
class Attempt:
    """Describe one login in progress.

    Attributes:
        where: the endpoint.
        proof: set to False if the server asked for no secret, so that success proves nothing.
        pending: set to True while the login is sent and not answered: if it ends then, it may have counted.
        sent: set to False if the login ended before the secret left: then nothing of it counts.
        noted: set to True if the login has noted that its secret left.
        permit: raises ``login.withheld`` if the account was refused since this login began. Call it right before the
            secret leaves.
    """

    where: str
    proof: bool = True
    pending: bool = False
    sent: bool = True
    noted: bool = False
    permit: Callable[[], None] = lambda: None

    @property
    def left(self) -> bool:
        """True if the secret is known to have left, whatever the login ended with."""
        return self.noted or self.pending


@contextmanager
def by_library(going: Attempt, where: object) -> Iterator[None]:
    """Enter this around a client library's login; its result or recognised cause shows the server's answer.

    Any other end leaves the login pending. A TLS handshake that fails is before any secret; TLS that breaks later is
    not. ``where`` is the login's, with its trace.

    Raises:
        Failure: ``login.not-judged`` in the place of a word on the account that came before the secret left.
    """
    going.pending = True
    try:
        yield
        going.pending = False
    except Failure as failure:
        going.pending = isinstance(failure, Unfinished)
        if not secret_left(where):
            raise before_the_secret(failure) from failure
        raise
    except TlsError as error:
        going.pending = not error.securing
        raise
    finally:
        going.sent, going.noted = secret_left(where), secret_noted(where)
