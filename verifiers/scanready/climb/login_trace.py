"""Note the progress of a login while it runs, so that the climb knows it however the login ends.

A login runs in another process, which may be killed. Each note is sent to the climb before the login goes on: an
attempt counts when the secret leaves, not when the login returns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: Receives the name and the new value of a note, and whether the secret leaves next: then it returns once that is
#: permitted. Set in the process of a login.
_send: Callable[[str, object, bool], None] | None = None


class LoginTrace:
    """Base of a family's trace: a dataclass whose fields the login sets as it goes.

    Each assignment reaches the climb's own trace at once. Values are of the field's type, as
    :mod:`scanready.clients.login_process.codec` carries them; a trace is a field of the family's ``Where``.
    """

    __slots__ = ()

    @property
    def secret_left(self) -> bool:
        """True unless the family knows that the server was sent no secret: an attempt that ends so is none."""
        return True

    def __setattr__(self, name: str, value: object) -> None:
        before = _send is None or _has_left(self)
        object.__setattr__(self, name, value)
        if _send is not None:
            _send(name, value, _has_left(self) and not before)


def _has_left(trace: LoginTrace) -> bool:
    try:
        return trace.secret_left
    except AttributeError:  # it is being made
        return True


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


def send_marks_with(send: Callable[[str, object, bool], None] | None) -> None:
    """Have every assignment to a trace in this process sent with ``send``; None ends that."""
    global _send  # one login a process
    _send = send
