"""NetBIOS for SMB: sessions on 139, names from 137/udp; 138/udp cannot be checked.

The requirements name these ports for Windows 2000 and older. Newer servers have SMB on 445, so closed NetBIOS ports do
not affect their verdict.
"""

from __future__ import annotations

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

#: Ports of NetBIOS and of SMB over TCP (445), which needs no session request.
SESSION_SERVICE, NAME_SERVICE, DATAGRAM_SERVICE, DIRECT = 139, 137, 138, 445
_NAME_SECONDS = 3.0
_MOST_NAMES = 8
#: Seconds to test 139 if 445 does not answer; short, since a host that is off would cost its time twice.
_GLANCE = 2.0
_NOT_HEARD = "139 is open, but no NetBIOS session service answers there"
#: Errors that leave a question without an answer.
_UNTOLD = (StreamError, ConnectError, WireError, socket.gaierror, TimeoutError)


async def connect(probe: Probe) -> Stream:
    """Connect; if 445 does not answer, test 139 and report the result, which does not affect the verdict.

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
    """Return the target's first address from the earlier DNS lookup, to avoid a second lookup."""
    found = next((check.facts["addresses"] for check in probe.checks if check.facts.get("addresses")), ())
    return str(found[0]) if found else probe.host


async def _heard_on_139(probe: Probe, address: str) -> str:
    """Test 139 and describe the result: it answers, refuses, is silent, or was not tested."""
    connected = False
    try:
        async with probe.passage.within(_GLANCE):
            stream = await probe.dial(address, SESSION_SERVICE)
            connected = True
            await _request(stream, nbt.ANY_SERVER)
    except Failure as failure:
        return _not_connected(failure)
    except TimeoutError:
        silent = f"139 does not answer either, within {_GLANCE:.0f} s"
        return _NOT_HEARD if connected else silent
    except _UNTOLD as error:
        return _NOT_HEARD if connected else f"139 was not tested: {error}"
    return (
        "139 answers as a NetBIOS session service. Only Windows 2000 and older are scanned over 139 (target "
        f"{probe.target.type}://{bracketed(probe.host)}:{SESSION_SERVICE}). Newer servers need 445: open that port"
    )


def _not_connected(failure: Failure) -> str:
    match failure.cause:
        case common.REFUSED:
            return f"139 also refuses connections: {failure.detail}"
        case common.FILTERED:
            return f"139 does not answer either: {failure.detail}"
        case common.REJECTED | common.UNREACHABLE:
            return f"139 is also unreachable: {failure.detail}"
        case _:
            return f"139 was not tested: {failure.detail}"


class Service:
    """Open connections to the target's SMB service; ``called`` is the NetBIOS name that 139 accepts."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.by_session = probe.target.port == SESSION_SERVICE
        self.called: str | None = None
        self._names: nbt.NodeStatus | Exception | None = None

    async def again(self) -> Stream:
        """Open another connection, ready for the first SMB message.

        Raises:
            Failure, StreamError, WireError: the connection or the session fails.
        """
        stream = await self._probe.dial(self._probe.address or self._probe.host, self._probe.target.port)
        if self.by_session:
            answer = await _request(stream, self.called or nbt.ANY_SERVER)
            if not isinstance(answer, nbt.Positive):
                raise _not_given(self._probe, answer)
        return stream

    async def session(self, rung: Rung, stream: Stream) -> Stream:
        """Make ``stream`` ready for the first SMB message; if the service requires its own name, open another one.

        Raises:
            Failure: the service refuses the session.
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
        rung.ok(f"rejects the name {nbt.ANY_SERVER}; next name: {self.called} ({how})", netbios_name=self.called)
        try:
            return await self.again()
        except Failure as failure:
            if failure.cause is not causes.NO_SESSION:
                raise
            detail = f"the server rejects the names {nbt.ANY_SERVER} and {self.called} ({how}): {failure.detail}"
            raise Failure(causes.NETBIOS_NAME, detail) from failure

    async def _own_name(self, answer: nbt.Negative) -> tuple[str, str]:
        """Return the NetBIOS name of the file service, and its source in words.

        Raises:
            Failure: no name could be found.
        """
        probe, names = self._probe, await self._node_status()
        if isinstance(names, nbt.NodeStatus) and names.server:
            return names.server, "from 137/udp"
        why = f"137/udp: {_detail_of(names)}" if isinstance(names, Exception) else "137/udp lists no file service"
        label = probe.host.partition(".")[0].upper()
        if not is_address(probe.host) and len(label) <= 15 and label.isascii():
            return label, f"from the target's host name; {why}"
        fix = firewall_rule(probe.agent_address, probe.address or probe.host, NAME_SERVICE, "udp")
        raise Failure(causes.NETBIOS_NAME, f"{nbt.ANY_SERVER}: {answer.reason}; {why}", fix)

    async def _node_status(self) -> nbt.NodeStatus | Exception:
        """Ask 137/udp for all names of the host, once; return the names or the error."""
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
        """Report 137 and 138 over UDP, for servers old enough to use them; neither affects the verdict."""
        host = bracketed(self._probe.host)
        async with self._probe.step(Step.CONNECT, f"{host}:{NAME_SERVICE}/udp") as rung:
            names = await self._node_status()
            if isinstance(names, nbt.NodeStatus):
                facts = {"netbios_name": names.server, "workgroup": names.domain}
                shown = ", ".join(f"{name.name}<{name.suffix:02X}>" for name in names.names[:_MOST_NAMES])
                rung.ok(f"NetBIOS names: {shown}", **{key: name for key, name in facts.items() if name})
            else:
                rung.skip(f"no NetBIOS names ({_detail_of(names)}); only Windows 2000 and older need this port")
        async with self._probe.step(Step.CONNECT, f"{host}:{DATAGRAM_SERVICE}/udp") as rung:
            rung.skip(
                "cannot be checked, because the NetBIOS datagram service never replies; only Windows 2000 and older "
                "need this port"
            )


def _detail_of(error: Exception) -> str:
    """Return the error as a short text."""
    return explain(error, Step.CONNECT, "").detail


async def _request(stream: Stream, called: str) -> nbt.Frame:
    await stream.send(nbt.session_request(called))
    return await stream.receive(nbt.read_frame)


def _not_given(probe: Probe, answer: nbt.Frame) -> Exception:
    match answer:
        case nbt.Negative():
            return no_session(probe, answer)
        case nbt.Retarget(address, port):
            return Failure(causes.NO_SESSION, f"the NetBIOS session service redirects to {address}:{port}")
        case _:
            return WireError("an SMB message instead of an answer to the NetBIOS session request")
