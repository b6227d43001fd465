"""Describe in words what a check sends on one step, with the line that asks the same: the type of a family's ``story``.

A family's module ``story`` has the constant ``STORY``, which maps a type's name to its steps, and each step to an
:class:`Exchange`. A type without one has reports without those words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanready.model import Check, Outcome, Report


@dataclass(frozen=True, slots=True)
class Exchange:
    """Describe one step of one type.

    ``sent`` says what is sent, or is a function of the report and its check if that depends on the target.
    ``by_hand`` is a shell line that asks the same, with ``{host}``, ``{port}``, ``{user}`` and the other places of a
    cause's texts; empty if no usual program can.
    """

    sent: str | Callable[[Report, Check], str] = ""
    by_hand: str = ""

    def told(self, report: Report, check: Check) -> str:
        """Return what was sent on this rung."""
        return self.sent if isinstance(self.sent, str) else self.sent(report, check)


class Sent:
    """Put the events of a check in words, in the order in which they happened.

    A verifier records them: ``record("head")`` of :mod:`scanready.net.events`. ``otherwise`` is said where none of
    ``words`` happened. Nothing is said of a stored check that has no record.
    """

    def __init__(self, otherwise: str = "nothing", /, **words: str) -> None:
        self.otherwise, self.words = otherwise, words

    def __call__(self, _: Report, check: Check) -> str:
        """Return the words."""
        if check.events is None:
            return ""
        return "; ".join(self.words[event] for event in check.events if event in self.words) or self.otherwise


def when_read(words: str) -> Callable[[Report, Check], str]:
    """Say ``words`` of a step on which something was read; of another one, only that something was asked for."""
    return lambda _, check: (
        words if check.outcome is Outcome.PASSED else "a read request; the result describes its answer"
    )


def with_login(logging_in: str, otherwise: str) -> Callable[[Report, Check], str]:
    """Say the one thing where the account was tried, and the other where it was not."""
    return lambda report, _: logging_in if report.footprint.login_attempts else otherwise


def with_probe(probing: str, otherwise: str, logging_in: str = "") -> Callable[[Report, Check], str]:
    """The same for protocols whose first word is a login; ``probing`` where one of an invented user was permitted."""

    def told(report: Report, _: Check) -> str:
        if report.footprint.login_attempts:
            return logging_in
        return probing if report.footprint.probe_logins else otherwise

    return told


_HELLO = "a TLS ClientHello with the server's name (SNI)"
#: The words of a TLS handshake, where the type's usual clients do not verify certificates. Judging a certificate sends
#: nothing, so it has no words.
AS_A_FACT = {"tls": _HELLO}
#: The same where the certificate can fail the check.
JUDGED = AS_A_FACT
TLS_AS_A_FACT = TLS_JUDGED = Sent(**AS_A_FACT)
#: The same on a port that speaks its protocol in clear or in TLS.
TLS_AFTER_CLEAR = Sent(tls=f"{_HELLO}, because clear text got no answer")
#: The line that does a TLS handshake; STARTTLS where the type has it.
OPENSSL = "openssl s_client {starttls}-connect {host}:{port}"
#: The last step of most databases.
ONE_ROW = when_read("a SELECT of one row")

#: Said by :mod:`scanready.report.story` of a login rung on which no login went out.
NOTHING_TRIED = "nothing: the account was not tried"
