"""Interpret Informix's answer to a connection request, and ask its DRDA listener for the version."""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Check, Facts, Outcome, Step, bracketed
from scanready.net.stream import Stream, StreamError
from scanready.wire import WireError, drda
from scanready.wire import sqli as wire
from scanready.wire.printable import printable

from . import causes, fixes

#: The server name for a login that shall be refused. The refusal of name or user proves that a server judges logins.
NO_SERVER = "scanready"
#: The usual port of the DRDA listener (drsoctcp), which reports the version without a login.
DRDA_PORT = 9089
_IDENTITY = (common.LOGIN_REFUSED, causes.SERVER_NAME, causes.HOST_NOT_TRUSTED)


class Session:
    """Send the one connection request of a check, and end an accepted session."""

    asks = "user and password"
    protocol = "SQLI"
    login_is_first = causes.LOGIN_IS_FIRST

    def __init__(self) -> None:
        self._accepted = False

    async def log_in(self, probe: Probe, stream: Stream, user: str, password: str) -> wire.Answer:
        """Send the request and return the answer."""
        server = probe.target.options.get("server", NO_SERVER)
        await stream.send(wire.connect(user, password, server, host=probe.shared.agent.name))
        answer = await stream.receive(wire.read_answer)
        self._accepted = answer.kind == wire.CONACC
        return answer

    async def end(self, stream: Stream) -> None:
        """End an accepted session; after a refusal the server closes the connection itself."""
        if self._accepted:
            await stream.send(wire.EXIT)
            await stream.receive(wire.read_goodbye)

    def missing(self, probe: Probe) -> Failure | None:
        """Return the failure of a target without INFORMIXSERVER; None if the target names it."""
        if "server" in probe.target.options:
            return None
        return Failure(causes.SERVER_NOT_NAMED, "INFORMIXSERVER is missing (option `server`); no login was tried")

    def report_product(self, rung: Rung, answer: wire.Answer) -> None:
        """Record the product; a refusal has no version."""
        facts = {"product": "IBM Informix"}
        if answer.host:
            facts["server_name"] = answer.host
        if answer.kind == wire.CONACC:
            facts["internal_version"] = answer.version.rpartition("Version ")[2]
            rung.ok(f"speaks SQLI: {printable(answer.version)}", **facts)
        else:
            rung.ok("speaks SQLI (a refusal has no version)", **facts)

    def judged(self, probe: Probe, answer: wire.Answer) -> None:
        """Raise the failure of a connection request that the server did not accept.

        Raises:
            Failure: the server refuses or redirects the connection.
        """
        if answer.kind == wire.CONACC:
            return
        if answer.kind == wire.REDIRECT:
            raise _redirected(probe, answer)
        cause, meaning = causes.NUMBERS.get(answer.code, (causes.SERVER_ERROR, "refused"))
        about = f" ({printable(answer.about)})" if answer.about else ""
        system = f", operating system error {answer.os_error}" if answer.os_error else ""
        detail = f"error {answer.code}{system}: {meaning}{about}"
        fix = None
        if cause is causes.HOST_NOT_TRUSTED and probe.target.credential:
            fix = fixes.TRUSTED_HOST(agent=probe.agent_address, user=probe.target.credential.username)
        raise Failure(cause, detail, fix, error_code=answer.code)

    def is_prompt(self, probe: Probe, failure: Failure) -> bool:
        """Return True for refusals that only a server that judges logins sends."""
        return failure.cause in _IDENTITY

    def is_of_inventory(self, probe: Probe, failure: Failure) -> bool:
        """Return True if the server does not have the name that the target gives it: no user changes that."""
        return failure.cause is causes.SERVER_NAME and "server" in probe.target.options


def _redirected(probe: Probe, answer: wire.Answer) -> Failure:
    """Record the destination of a redirect as an endpoint of its own; nothing is sent there, since it needs a login."""
    there = answer.destination
    if there is None:
        text = f": {printable(answer.about)}" if answer.about else ""
        return Failure(causes.REDIRECTED, f"a redirect in an unknown format{text}")
    endpoint = f"{bracketed(there.host)}:{there.service}"
    facts: Facts = {"redirected_to": endpoint, "instance": there.server}
    summary = f"the redirect leads to this address, server {there.server}; nothing was sent to it"
    probe.record(Check(Step.CONNECT, endpoint, Outcome.SKIPPED, summary, facts))
    entry = None
    if there.port:
        entry = fixes.OTHER_SERVER(host=there.host, port=there.port, server=there.server)
    return Failure(causes.REDIRECTED, f"a redirect to {there.server} at {endpoint}", entry, **facts)


async def look_at_drda(probe: Probe) -> None:
    """Ask the usual DRDA listener for the version, which needs no login and one more connection."""
    endpoint = f"{probe.host}:{DRDA_PORT}"
    try:
        stream = await probe.dial(probe.address or probe.host, DRDA_PORT)
        await stream.send(drda.exchange_attributes("scanready"))
        replies = await stream.receive(drda.read_replies)
        await probe.leave(stream)
    except (Failure, StreamError, WireError, OSError):
        return
    for reply in replies:
        if reply.codepoint == drda.EXCSATRD:
            found = drda.attributes_of(reply)
            version = drda.version_of(found.release) or found.release
            summary = f"a DRDA listener answers without a login: {found.product_class} {version}"
            facts = {"product": "IBM Informix", "version": version} if found.product_class.startswith("IDS") else {}
            probe.record(Check(Step.HANDSHAKE, endpoint, Outcome.SKIPPED, summary, facts))
