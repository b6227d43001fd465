"""NetBIOS around SMB: sessions on 139, names from 137/udp, and what can be said of 138/udp, which is nothing.

The requirements name these ports for Windows 2000 and older. Everything newer has SMB on 445, and is never blamed for
closed NetBIOS ports.
"""

from __future__ import annotations

import asyncio
import os
import socket

from scanready.causes import common
from scanready.climb.explain import Failure, explain
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import Outcome, Step, bracketed, is_address
from scanready.net.stream import ConnectError, Stream, StreamError
from scanready.remedies.fixes import firewall_rule
from scanready.wire import WireError, nbt

from . import causes
from .dialect import no_session

#: Where there are sessions and names; a session on another port is SMB's own (445), without a request.
SESSION_SERVICE, NAME_SERVICE, DATAGRAM_SERVICE, DIRECT = 139, 137, 138, 445
_NAME_SECONDS = 3.0
_MOST_NAMES = 8
#: Seconds for a look at 139 where 445 does not answer: a host that is off would cost its time twice.
_GLANCE = 2.0
_NOT_HEARD = "139 is open, and no NetBIOS session service was heard there"
#: What may keep a question from its answer.
_UNTOLD = (StreamError, ConnectError, WireError, socket.gaierror, TimeoutError)


async def connect(probe: Probe) -> Stream:
    """Connect; where 445 does not answer, look whether 139 does. That is evidence and no more: nobody scans it.

    Raises:
        ClimbEnded: no address answered.
    """
    try:
        return await probe.connect()
    except ClimbEnded:
        last = probe.checks[-1]
        failed = last.step is Step.CONNECT and last.outcome is Outcome.FAILED and last.finding is not None
        if failed and probe.target.port == DIRECT and not probe.target.guessed:
            assert last.finding is not None
            if last.finding.cause in (common.REFUSED, common.FILTERED, common.REJECTED):
                await _look_at_139(probe)
        raise


async def _look_at_139(probe: Probe) -> None:
    async with probe.step(Step.CONNECT, f"{bracketed(probe.host)}:{SESSION_SERVICE}") as rung:
        rung.skip(await _heard_on_139(probe, _resolved(probe)))


def _resolved(probe: Probe) -> str:
    """The target's first address, as it was resolved a moment ago: a name is not asked for twice."""
    found = next((check.facts["addresses"] for check in probe.checks if check.facts.get("addresses")), ())
    return str(found[0]) if found else probe.host


async def _heard_on_139(probe: Probe, address: str) -> str:
    """In words, since it decides nothing: whether the file service is there, and 445 alone is closed.

    Refused, silent and not asked are three answers.
    """
    connected = False
    try:
        async with asyncio.timeout(_GLANCE):
            stream = await probe.dial(address, SESSION_SERVICE)
            connected = True
            await _request(stream, nbt.ANY_SERVER)
    except Failure as failure:
        return _not_connected(failure)
    except TimeoutError:
        silent = f"139 does not answer either, within {_GLANCE:.0f} s"
        return _NOT_HEARD if connected else silent
    except _UNTOLD as error:
        return _NOT_HEARD if connected else f"139 was not asked: {error}"
    return (
        "139 answers, a NetBIOS session service. Only Windows 2000 and older are scanned over it "
        f"({probe.target.type}://{bracketed(probe.host)}:{SESSION_SERVICE} asks for that); everything newer needs 445, "
        "which must be opened"
    )


def _not_connected(failure: Failure) -> str:
    match failure.cause:
        case common.REFUSED:
            return f"139 refuses connections, too: {failure.detail}"
        case common.FILTERED:
            return f"139 does not answer either: {failure.detail}"
        case common.REJECTED | common.UNREACHABLE:
            return f"139 is out of reach, too: {failure.detail}"
        case _:
            return f"139 was not asked: {failure.detail}"


class Service:
    """The target's SMB service, connected to again where need be; ``called`` is the name that 139 gave sessions for."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.by_session = probe.target.port == SESSION_SERVICE
        self.called: str | None = None
        self._names: nbt.NodeStatus | Exception | None = None

    async def again(self) -> Stream:
        """Another connection, ready for a first SMB message.

        Raises:
            Failure, StreamError, WireError: it comes to nothing.
        """
        stream = await self._probe.dial(self._probe.address or self._probe.host, self._probe.target.port)
        if self.by_session:
            answer = await _request(stream, self.called or nbt.ANY_SERVER)
            if not isinstance(answer, nbt.Positive):
                raise _not_given(self._probe, answer)
        return stream

    async def session(self, rung: Rung, stream: Stream) -> Stream:
        """Make ``stream`` ready for a first SMB message; where the service wants a name, that is another connection.

        Raises:
            Failure: there is no session to be had.
            StreamError, WireError: as :meth:`Stream.receive`.
        """
        if not self.by_session:
            return stream
        self.called = nbt.ANY_SERVER
        answer = await _request(stream, nbt.ANY_SERVER)
        if isinstance(answer, nbt.Positive):
            return stream
        unknown = (nbt.NOT_PRESENT, nbt.NOT_LISTENING_FOR_CALLED)
        if not (isinstance(answer, nbt.Negative) and answer.code in unknown):
            raise _not_given(self._probe, answer)
        await self._probe.leave(stream)
        self.called, how = await self._own_name(answer)
        rung.ok(f"{nbt.ANY_SERVER} is not its name, {self.called} is ({how})", netbios_name=self.called)
        try:
            return await self.again()
        except Failure as failure:
            if failure.cause is not causes.NO_SESSION:
                raise
            detail = f"it knows neither {nbt.ANY_SERVER} nor {self.called} ({how}): {failure.detail}"
            raise Failure(causes.NETBIOS_NAME, detail) from failure

    async def _own_name(self, answer: nbt.Negative) -> tuple[str, str]:
        """The name of its file service, and how it was learnt.

        Raises:
            Failure: there is none to be had.
        """
        probe, names = self._probe, await self._node_status()
        if isinstance(names, nbt.NodeStatus) and names.server:
            return names.server, "told by 137/udp"
        why = "137/udp tells no file service" if isinstance(names, nbt.NodeStatus) else f"137/udp: {_said(names)}"
        label = probe.host.partition(".")[0].upper()
        if not is_address(probe.host) and len(label) <= 15 and label.isascii():
            return label, f"the target's own name; {why}"
        fix = firewall_rule(probe.agent_address, probe.address or probe.host, NAME_SERVICE, "udp")
        raise Failure(causes.NETBIOS_NAME, f"{nbt.ANY_SERVER}: {answer.reason}; {why}", fix)

    async def _node_status(self) -> nbt.NodeStatus | Exception:
        """All its names, or why they are not told; asked once."""
        if self._names is None:
            number = int.from_bytes(os.urandom(2), "big")
            try:
                self._names = await self._probe.ask(
                    self._probe.address or self._probe.host,
                    NAME_SERVICE,
                    nbt.node_status_question(number),
                    lambda datagram: nbt.read_node_status(datagram, number),
                    seconds=_NAME_SECONDS,
                )
            except _UNTOLD as error:
                self._names = error
        return self._names

    async def inspect(self) -> None:
        """Tell what there is to tell of 137 and 138 over UDP, for a server of the age that has them. Nothing fails."""
        host = bracketed(self._probe.host)
        async with self._probe.step(Step.CONNECT, f"{host}:{NAME_SERVICE}/udp") as rung:
            names = await self._node_status()
            if isinstance(names, nbt.NodeStatus):
                facts = {"netbios_name": names.server, "workgroup": names.domain}
                told = ", ".join(f"{name.name}<{name.suffix:02X}>" for name in names.names[:_MOST_NAMES])
                rung.ok(f"its names are {told}", **{key: name for key, name in facts.items() if name})
            else:
                rung.skip(f"no names were told: {_said(names)}; only Windows 2000 and older need this port")
        async with self._probe.step(Step.CONNECT, f"{host}:{DATAGRAM_SERVICE}/udp") as rung:
            rung.skip("cannot be verified: nothing on 138/udp answers a stranger; only Windows 2000 and older need it")


def _said(error: Exception) -> str:
    return explain(error, Step.CONNECT, "").detail


async def _request(stream: Stream, called: str) -> nbt.Frame:
    await stream.send(nbt.session_request(called))
    return await stream.receive(nbt.read_frame)


def _not_given(probe: Probe, answer: nbt.Frame) -> Exception:
    match answer:
        case nbt.Negative():
            return no_session(probe, answer)
        case nbt.Retarget(address, port):
            return Failure(causes.NO_SESSION, f"the NetBIOS session service sends its clients to {address}:{port}")
        case _:
            return WireError("an SMB message where the answer to a NetBIOS session request belongs")
