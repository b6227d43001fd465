"""Interpret ASE's answers: the product, the result of the login and the result of reading."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Cause, Facts
from scanready.net.events import record
from scanready.net.stream import Stream
from scanready.remedies.quoting import in_brackets
from scanready.wire import UnknownValue
from scanready.wire import tds5 as wire
from scanready.wire.printable import printable

from . import causes

_RELATIVES = (
    "sql anywhere",
    "adaptive server anywhere",
    "iq",
    "sap iq",
    "sybase iq",
    "openserver",
    "open server",
    "replication server",
)

#: The most errors of one answer to quote; a packet can hold thousands.
_MOST_TOLD = 8


class Session:
    """Send the one login of a check, and end the session, also after a refusal."""

    asks = "a password"
    protocol = "this protocol"
    login_is_first = causes.LOGIN_IS_FIRST

    def __init__(self) -> None:
        self._begun = False

    async def log_in(self, probe: Probe, stream: Stream, user: str, password: str) -> wire.Answer:
        """Send the login record and return the answer.

        Raises:
            Failure: the user name or password is longer than the record has room for; nothing was sent.
        """
        try:
            record = wire.login(user.encode(), password.encode(), host=probe.shared.agent.name, server=probe.host)
        except ValueError:
            detail = f"TDS 5.0 allows {wire.ROOM} bytes for a user name or password; no login was tried"
            raise Failure(common.LIMIT, detail) from None
        self._begun = True
        await stream.send(record)
        return await stream.receive(wire.read_answer)

    async def end(self, stream: Stream) -> None:
        """Send LOGOUT if a login was sent."""
        if self._begun:
            await stream.send(wire.LOGOUT)

    def missing(self, probe: Probe) -> Failure | None:
        """Return None: a login needs only the account."""

    def report_product(self, rung: Rung, answer: wire.Answer) -> None:
        """Record the product that answered the login.

        Raises:
            UnknownValue: the answer is not one to a login.
        """
        acknowledged = answer.acknowledged
        if acknowledged is None:
            if not answer.errors and answer.unread:
                raise answer.unread
            if not answer.errors and answer.unknown:
                raise UnknownValue("a token instead of the answer to the login", answer.unknown[0])
            if not answer.errors:
                raise UnknownValue("the answer to the login", "a TDS reply without LOGINACK and without an error")
            rung.ok("speaks TDS 5.0")  # the answer does not name the product
            return
        program = acknowledged.program
        version = ".".join(map(str, acknowledged.version[:3]))
        server = next((message.server for message in answer.messages if message.server), None)
        named = {"product": program, "server_name": server}
        facts: Facts = {"version": version} | {name: value for name, value in named.items() if value}
        if program.lower().startswith("microsoft"):
            rung.stop(causes.MICROSOFT, f"{program} answers", **facts)
        elif program.lower().startswith(_RELATIVES):
            rung.warn(causes.RELATIVE, f"speaks TDS 5.0: {program} {version}", **facts)
        else:
            rung.ok(f"speaks TDS 5.0: {program} {version}", **facts)

    def judged(self, probe: Probe, answer: wire.Answer) -> None:
        """Raise the failure of a login that the server did not accept.

        Raises:
            Failure: the server refuses the login.
            UnknownValue: an unknown status, or a token that hides the reason, without an error.
        """
        status = answer.acknowledged.status if answer.acknowledged else wire.REFUSED
        if status == wire.ACCEPTED:
            return
        if status == wire.NEGOTIATE:
            raise Failure(causes.PASSWORD_ENCRYPTION, "the server continues only with an encrypted password")
        if status != wire.REFUSED and not answer.errors:
            raise UnknownValue("the status of LOGINACK", status)
        if answer.unread and not answer.errors:  # the reason is in a message that was not read
            raise answer.unread
        raise refusal(answer.errors, common.LOGIN_REFUSED)

    def is_prompt(self, probe: Probe, failure: Failure) -> bool:
        """Return True for the refusal that only a server that judges logins sends."""
        return failure.cause is common.LOGIN_REFUSED

    def is_of_inventory(self, probe: Probe, failure: Failure) -> bool:
        """Return False: the login has only the account's name."""
        return False


def refusal(errors: Sequence[wire.Message], otherwise: Cause) -> Failure:
    """Return the failure with the cause of the first known error; 4002 decides only if there is no other error.

    ASE sends "Login failed." (4002) before or after the message with the reason. If that message is unknown, the
    account may or may not be the reason.
    """
    causes_of = [_cause_of(error) for error in errors if error.number not in causes.OF_CHARACTER_SET]
    telling = [one for one in causes_of if one is not None and one is not common.LOGIN_REFUSED]
    found = telling[0] if telling else None if None in causes_of else next(iter(causes_of), None)
    first, more = errors[:_MOST_TOLD], len(errors) - _MOST_TOLD
    texts = [f"{printable(one.text, 400)} (message {one.number}, severity {one.severity})" for one in first]
    detail = "; ".join([*texts, f"and {more} more"] if more > 0 else texts)
    numbers = [error.number for error in errors]
    cause = found or (causes.SERVER_ERROR if errors else otherwise)
    return Failure(cause, detail or "refused without a message", errors=numbers)


def _cause_of(error: wire.Message) -> Cause | None:
    words = error.text.lower()
    by_words = next((cause for pattern, cause in causes.WORDS if pattern.search(words)), None)
    return by_words or causes.NUMBERS.get(error.number)


async def read_one_row(probe: Probe, stream: Stream) -> str:
    """Read one row of the given table, or of the database's catalogue (sysobjects); return what was read.

    Raises:
        Failure: no such database or table, no permission, or no result.
    """
    database, table = probe.target.options.get("database"), probe.target.options.get("table")
    if database:
        record("use")
        await _run(stream, f"use {in_brackets(database)}")
    what = ".".join(map(in_brackets, table.split("."))) if table else "sysobjects"
    await _ask_for_one_row(stream)
    record("select")
    try:
        answer = await _run(stream, f"select 1 from {what}")
    except Failure as failure:
        if table or failure.cause is not common.ACCESS_NOT_FOUND:
            raise
        detail = f"the server has no {what}, as ASE does: {failure.detail}. Name a table (`table:`) to read it"
        raise Failure(common.LIMIT, detail, **failure.facts) from failure
    if not answer.columns:
        raise Failure(common.LIMIT, f"the server answers select 1 from {what} without a result, which ASE never does")
    within = f" in {database}" if database else ""
    return f"one row of {table or what}{within}" if answer.row else f"{table or what}{within}, which is empty"


async def _ask_for_one_row(stream: Stream) -> None:
    """Limit the next answer to one row, so that the server never sends a whole table.

    Raises:
        Failure: the server rejects this statement, which a scan does not need (``scanready.limit``).
    """
    try:
        await _run(stream, "set rowcount 1")
    except Failure as failure:
        detail = f"logged in, but nothing was read because the server rejects `set rowcount 1`: {failure.detail}"
        raise Failure(common.LIMIT, detail) from failure


async def _run(stream: Stream, statement: str) -> wire.Answer:
    await stream.send(wire.language(statement))
    answer = await stream.receive(wire.read_answer)
    if answer.unread and not answer.errors:
        raise answer.unread
    if answer.errors or answer.failed:
        raise refusal(answer.errors, causes.SERVER_ERROR)
    return answer
