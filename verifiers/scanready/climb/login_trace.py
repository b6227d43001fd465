"""Note the progress of a login while it runs, so that the climb knows it however the login ends.

A login runs in another process, which may be killed. Each note is sent to the climb before the login goes on: an
attempt counts when the secret leaves, not when the login returns.
"""

from __future__ import annotations

from collections.abc import Callable

#: Receives the name and the new value of a note; set in the process of a login.
_send: Callable[[str, object], None] | None = None


class LoginTrace:
    """Base of a family's trace: a dataclass whose fields the login sets as it goes.

    Each assignment reaches the climb's own trace at once. Values are of the field's type, as
    :mod:`scanready.clients.login_process.codec` carries them; a trace is a field of the family's ``Where``.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if _send is not None:
            _send(name, value)
        object.__setattr__(self, name, value)


def send_marks_with(send: Callable[[str, object], None] | None) -> None:
    """Have every assignment to a trace in this process sent with ``send``; None ends that."""
    global _send  # one login a process
    _send = send
