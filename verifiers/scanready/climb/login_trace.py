"""Note the progress of a login while it runs, so that the climb knows it however the login ends.

A login runs in another process, which may be killed. Each note is sent to the climb before the login goes on: an
attempt counts when the secret leaves, not when the login returns. And a note that the secret leaves next is a question:
another server may have refused the account since the login began.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol


class Send(Protocol):
    """Send a note to the climb."""

    def __call__(self, name: str, value: object, *, leaves: bool, parts: bool) -> bool:
        """Return True; if the secret ``leaves`` next, once that is permitted.

        Where it is not, this process is killed, or, for a login that ``parts`` from its server, False is returned.
        """


#: Set in the process of a login.
_send: Send | None = None


class SecretWithheldError(Exception):
    """The secret may not leave any more: the login says its last word to the server, and ends."""


class LoginTrace:
    """Base of a family's trace: a dataclass whose fields the login sets as it goes.

    Each assignment reaches the climb's own trace at once. Values are of the field's type, as
    :mod:`scanready.clients.login_process.codec` carries them; a trace is a field of the family's ``Where``.

    Attributes:
        parts: True for a family whose servers hold a hang-up in the middle of a login against the client. It is not
            killed if the secret may not leave: the assignment raises :class:`SecretWithheldError`.
    """

    __slots__ = ()
    parts: ClassVar[bool] = False

    @property
    def secret_left(self) -> bool:
        """True unless the family knows that the server was sent no secret: an attempt that ends so is none."""
        return True

    @property
    def times_left(self) -> int:
        """Return how often the secret has left; the climb is asked each time. One, where the family does not count."""
        return int(self.secret_left)

    def __setattr__(self, name: str, value: object) -> None:
        if _send is None or not hasattr(self, name):  # the second: it is being made
            object.__setattr__(self, name, value)
            return
        before, left = getattr(self, name), self.times_left
        object.__setattr__(self, name, value)
        if not _send(name, value, leaves=self.times_left > left, parts=self.parts):
            object.__setattr__(self, name, before)
            raise SecretWithheldError("the secret may not leave any more")


@dataclass(slots=True)
class SecretTrace(LoginTrace):
    """Notes only whether the secret left: ``sent`` is set to True right before its bytes are."""

    sent: bool = False

    @property
    def secret_left(self) -> bool:
        """Whether the server may have the secret."""
        return self.sent


def trace_in(arguments: Iterable[object]) -> LoginTrace | None:
    """Return the trace that one of the arguments of a login has as a field; None if none has."""
    for argument in arguments:
        if dataclasses.is_dataclass(argument):
            for field in dataclasses.fields(argument):
                if isinstance(found := getattr(argument, field.name), LoginTrace):
                    return found
    return None


def secret_left(where: object) -> bool:
    """Return True if the login at ``where`` may have sent its secret, and where its family does not note that."""
    trace = trace_in((where,))
    return trace is None or trace.secret_left


def secret_noted(where: object) -> bool:
    """Return True if the login at ``where`` has noted that its secret left, which not every family does."""
    trace = trace_in((where,))
    return trace is not None and type(trace).secret_left is not LoginTrace.secret_left and trace.secret_left


def send_marks_with(send: Send | None) -> None:
    """Have every assignment to a trace in this process sent with ``send``; None ends that."""
    global _send  # one login a process
    _send = send
