"""What an endpoint mapper's words mean for a scan over WMI: is it a Windows, how is it called, how does one log in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Facts, Owner
from scanready.net.events import record
from scanready.net.stream import StreamError
from scanready.wire import WireError, dcom, ntlm

from . import causes, endpoint_mapper, fixes

#: Kerberos permits so many seconds between two clocks (RFC 4120, 1.6; the domain's policy may say otherwise).
MOST_SKEW = 300
#: Samba tells this version, whatever it is.
_SAMBA = (6, 1, 0)
# Of a long list, what becomes a fact.
_MOST_TOLD = 64
# Names that are resolved of those that the host gives itself, and the seconds for that.
_MOST_NAMES, _RESOLVING = 2, 2.0


@dataclass(frozen=True, slots=True)
class Portrait:
    """What the host tells strangers of itself. ``alive`` is None where it does not say."""

    alive: dcom.Alive | None
    listing: endpoint_mapper.Listing

    @property
    def logins(self) -> list[str]:
        """The ways to log in to DCOM, as its security bindings name them."""
        known = [dcom.AUTHENTICATION.get(number) for number in self.alive.logins] if self.alive else []
        return [name for name in known if name]


async def report_product(probe: Probe, rung: Rung, talk: endpoint_mapper.Talk, *, logs_in: bool) -> bool:
    """Bind; return whether the host goes on talking with strangers.

    Raises:
        Failure: it is no Windows; or too busy to tell.
    """
    try:
        record("bind")
        offer = endpoint_mapper.offered(await talk.bind())
    except endpoint_mapper.Refused as refused:
        if refused.busy:
            raise Failure(common.THROTTLED, f"the endpoint mapper says: {refused}") from refused
        if logs_in:
            rung.ok(f"speaks DCE/RPC, and not with strangers ({refused}); the login will tell more")
        else:
            rung.inconclusive(causes.RPC_REFUSED, f"without a login the endpoint mapper says: {refused}")
        return False
    if offer.dcom:
        rung.ok("speaks DCE/RPC: an endpoint mapper with DCOM")
        return True
    if not offer.mapper:
        raise Failure(common.OTHER_PROTOCOL, "an RPC service answers that is no endpoint mapper, and has no DCOM")
    said = await _who_says_so(probe, talk)
    product = "Samba" if said is not None and said.version == _SAMBA else None
    detail = "endpoint mapper without DCOM: not WMI-scannable"
    named = f" ({product})" if product else ""
    raise Failure(causes.NO_DCOM, detail + named, **_identity(said, product) if said else {})


async def _who_says_so(probe: Probe, talk: endpoint_mapper.Talk) -> ntlm.Challenge | None:
    """Who it is that has no DCOM, if it tells."""
    with contextlib.suppress(endpoint_mapper.Refused, endpoint_mapper.Untold, StreamError, WireError):
        return await endpoint_mapper.challenge(probe, talk)
    return None


def _identity(said: ntlm.Challenge, product: str | None) -> Facts:
    """The facts of a challenge; what was not told is left out."""
    facts = {
        "product": product,
        "os": said.os,
        "version": ".".join(map(str, said.version)) if said.os and said.version else None,
        "server_name": said.dns_host or said.server_name,
        "domain": said.dns_domain or said.domain,
    }
    return {name: value for name, value in facts.items() if value}


async def portrayed(probe: Probe, rung: Rung, talk: endpoint_mapper.Talk) -> Portrait:
    """Ask for DCOM's bindings and the mapper's table; whatever it keeps to itself is told, and no more."""
    alive = None
    try:
        alive = await endpoint_mapper.server_alive(talk)
        version = ".".join(map(str, alive.version))
        called = _few(alive.hosts) or "nothing over TCP"
        rung.ok(f"DCOM {version}; calls itself {called}", dcom=version, bindings=list(alive.hosts[:_MOST_TOLD]))
    except endpoint_mapper.Refused as refused:
        rung.ok(f"ServerAlive2 is not answered to strangers ({refused})")
    except endpoint_mapper.Untold as untold:
        rung.warn(common.LIMIT, f"ServerAlive2: {untold}")
    listing = await endpoint_mapper.listing(talk, probe.target.port, probe.address or probe.host)
    if listing.ports:
        rung.ok(f"lists TCP ports {_few(listing.ports)}", ports=listing.ports[:_MOST_TOLD])
    else:
        rung.ok(f"lists no TCP port ({listing.refused or f'{listing.entries} entries'})")
    if alive is not None and alive.hosts and not await _lead_here(probe, alive.hosts):
        used, name = probe.address or probe.host, alive.hosts[0]
        detail = f"the host calls itself {_few(alive.hosts)}; none of them leads to {used}, which was reached"
        named = () if _address(name) else ((Owner.AGENT, fixes.NAME_IT(address=used, name=name)),)
        rung.warn(causes.NAT_OR_MULTIHOMED, detail, also=named)
    return Portrait(alive, listing)


def _few(things: Sequence[object], most: int = 8) -> str:
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(map(str, things[:most])) + more


async def _lead_here(probe: Probe, hosts: tuple[str, ...]) -> bool:
    """Whether one of the names and addresses is the address that was reached, or resolves to it."""
    used = _address(probe.address or probe.host)
    if used in [_address(host) for host in hosts]:
        return True
    until = min(probe.deadline, asyncio.get_running_loop().time() + _RESOLVING)
    names = [host for host in hosts if _address(host) is None][:_MOST_NAMES]
    for name in names:
        with contextlib.suppress(socket.gaierror, TimeoutError):
            found = await probe.shared.resolver.addresses(name, probe.target.port, until)
            if used in [_address(str(where[0])) for _, where in found]:
                return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is, without its zone; None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


async def report_prompt(
    probe: Probe, rung: Rung, talk: endpoint_mapper.Talk, portrait: Portrait
) -> ntlm.Challenge | None:
    """Begin an NTLM login: the prompt tells names, build and clock. None where there is none.

    Raises:
        Failure: the mapper is too busy.
    """
    methods = portrait.logins
    try:
        reply = await endpoint_mapper.challenge(probe, talk)
    except endpoint_mapper.Refused as refused:
        if refused.busy:
            raise Failure(common.THROTTLED, f"the endpoint mapper says: {refused}") from refused
        rung.warn(causes.NTLM_REFUSED, f"refuses to begin an NTLM login ({refused})")
        rung.check.facts["auth_methods"] = [method for method in methods if method != "ntlm"]
        return None
    except endpoint_mapper.Untold as untold:
        if methods:
            rung.ok(f"takes {', '.join(methods)}, as its security bindings say", auth_methods=methods)
        else:
            rung.warn(common.LIMIT, f"how to log in was not to be learnt: {untold}")
        return None
    facts = _identity(reply, "Windows" if reply.os else None)
    facts["auth_methods"] = methods if "ntlm" in methods else [*methods, "ntlm"]
    name = facts.get("server_name", "a server without a name")
    domain = f" of {facts['domain']}" if facts.get("domain") else ""
    rung.ok(f"asks for a login at {name}{domain}" + (f", {reply.os}" if reply.os else ""), **facts)
    if reply.timestamp is not None:
        _judge_clock(rung, round((reply.timestamp - datetime.now(UTC)).total_seconds()))
    return reply


def _judge_clock(rung: Rung, skew: int) -> None:
    """``skew`` is the host's clock minus ours, in seconds."""
    rung.check.facts["clock_skew_seconds"] = skew
    if abs(skew) > MOST_SKEW:
        which = "ahead of" if skew > 0 else "behind"
        rung.warn(causes.CLOCK_SKEW, f"its clock is {abs(skew)} s {which} the agent's")
