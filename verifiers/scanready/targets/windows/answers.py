"""Judge an endpoint mapper's answers for a scan over WMI: product, names and addresses, login methods, clock."""

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

#: The most seconds that Kerberos permits between two clocks by default (RFC 4120, 1.6); a domain's policy may differ.
MOST_SKEW = 300
#: Every Samba reports this version.
_SAMBA = (6, 1, 0)
# The most items of a list that become a fact.
_MOST_KEPT = 64
# The most names of the host that are resolved, and the seconds for that.
_MOST_NAMES, _RESOLVING = 2, 2.0


@dataclass(frozen=True, slots=True)
class Portrait:
    """Hold the host's answers to anonymous calls; ``alive`` is None if it did not answer ServerAlive2."""

    alive: dcom.Alive | None
    listing: endpoint_mapper.Listing

    @property
    def logins(self) -> list[str]:
        """Return the login methods in DCOM's security bindings, by name."""
        known = [dcom.AUTHENTICATION.get(number) for number in self.alive.logins] if self.alive else []
        return [name for name in known if name]


async def report_product(probe: Probe, rung: Rung, talk: endpoint_mapper.Talk, *, logs_in: bool) -> bool:
    """Bind to the endpoint mapper; return True if the host accepts anonymous calls.

    Raises:
        Failure: the host does not run Windows, or is too busy to answer.
    """
    try:
        record("bind")
        offer = endpoint_mapper.offered(await talk.bind())
    except endpoint_mapper.Refused as refused:
        if refused.busy:
            raise Failure(common.THROTTLED, f"the endpoint mapper answers: {refused}") from refused
        if logs_in:
            rung.ok(f"speaks DCE/RPC, but rejects anonymous calls ({refused}); the login follows")
        else:
            rung.inconclusive(causes.RPC_REFUSED, f"the endpoint mapper rejects anonymous calls: {refused}")
        return False
    if offer.dcom:
        rung.ok("speaks DCE/RPC: an endpoint mapper with DCOM")
        return True
    if not offer.mapper:
        raise Failure(common.OTHER_PROTOCOL, "an RPC service answers that is neither an endpoint mapper nor DCOM")
    reply = await _challenge_or_none(probe, talk)
    product = "Samba" if reply is not None and reply.version == _SAMBA else None
    detail = "endpoint mapper without DCOM: not WMI-scannable"
    named = f" ({product})" if product else ""
    raise Failure(causes.NO_DCOM, detail + named, **_identity(reply, product) if reply else {})


async def _challenge_or_none(probe: Probe, talk: endpoint_mapper.Talk) -> ntlm.Challenge | None:
    """Return the NTLM challenge of a server without DCOM, None if it sends none."""
    with contextlib.suppress(endpoint_mapper.Refused, endpoint_mapper.Untold, StreamError, WireError):
        return await endpoint_mapper.challenge(probe, talk)
    return None


def _identity(reply: ntlm.Challenge, product: str | None) -> Facts:
    """Return the facts of a challenge, without those that it does not state."""
    facts = {
        "product": product,
        "os": reply.os,
        "version": ".".join(map(str, reply.version)) if reply.os and reply.version else None,
        "server_name": reply.dns_host or reply.server_name,
        "domain": reply.dns_domain or reply.domain,
    }
    return {name: value for name, value in facts.items() if value}


async def portrayed(probe: Probe, rung: Rung, talk: endpoint_mapper.Talk) -> Portrait:
    """Ask for DCOM's bindings and the mapper's table; an answer that the host refuses is reported, not judged."""
    alive = None
    try:
        alive = await endpoint_mapper.server_alive(talk)
        version = ".".join(map(str, alive.version))
        called = _few(alive.hosts) or "none over TCP"
        summary = f"DCOM {version}; names and addresses for clients: {called}"
        rung.ok(summary, dcom=version, bindings=list(alive.hosts[:_MOST_KEPT]))
    except endpoint_mapper.Refused as refused:
        rung.ok(f"rejects an anonymous ServerAlive2 ({refused})")
    except endpoint_mapper.Untold as untold:
        rung.warn(common.LIMIT, f"ServerAlive2: {untold}")
    listing = await endpoint_mapper.listing(talk, probe.target.port, probe.address or probe.host)
    if listing.ports:
        rung.ok(f"lists TCP ports {_few(listing.ports)}", ports=listing.ports[:_MOST_KEPT])
    else:
        rung.ok(f"lists no TCP port ({listing.refused or f'{listing.entries} entries'})")
    if alive is not None and alive.hosts and not await _lead_here(probe, alive.hosts):
        used, name = probe.address or probe.host, alive.hosts[0]
        detail = f"the host gives its clients {_few(alive.hosts)}; none of them is or resolves to {used}"
        named = () if _address(name) else ((Owner.AGENT, fixes.NAME_IT(address=used, name=name)),)
        rung.warn(causes.NAT_OR_MULTIHOMED, detail, also=named)
    return Portrait(alive, listing)


def _few(things: Sequence[object], most: int = 8) -> str:
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(map(str, things[:most])) + more


async def _lead_here(probe: Probe, hosts: tuple[str, ...]) -> bool:
    """Return True if one of the names and addresses is the connected address or resolves to it."""
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
    """Parse an address, without its zone; return None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


async def report_prompt(
    probe: Probe, rung: Rung, talk: endpoint_mapper.Talk, portrait: Portrait
) -> ntlm.Challenge | None:
    """Begin an NTLM login and return the challenge, which has names, build and clock; None if there is none.

    Raises:
        Failure: the endpoint mapper is too busy.
    """
    methods = portrait.logins
    try:
        reply = await endpoint_mapper.challenge(probe, talk)
    except endpoint_mapper.Refused as refused:
        if refused.busy:
            raise Failure(common.THROTTLED, f"the endpoint mapper answers: {refused}") from refused
        rung.warn(causes.NTLM_REFUSED, f"rejects NTLM logins ({refused})")
        rung.check.facts["auth_methods"] = [method for method in methods if method != "ntlm"]
        return None
    except endpoint_mapper.Untold as untold:
        if methods:
            rung.ok(f"its security bindings list {', '.join(methods)}", auth_methods=methods)
        else:
            rung.warn(common.LIMIT, f"the login methods are unknown: {untold}")
        return None
    facts = _identity(reply, "Windows" if reply.os else None)
    facts["auth_methods"] = methods if "ntlm" in methods else [*methods, "ntlm"]
    server = f"server {facts['server_name']}" if facts.get("server_name") else "a server without a name"
    domain = f" of {facts['domain']}" if facts.get("domain") else ""
    rung.ok(f"{server}{domain} is ready for a login" + (f"; runs {reply.os}" if reply.os else ""), **facts)
    if reply.timestamp is not None:
        _judge_clock(rung, round((reply.timestamp - datetime.now(UTC)).total_seconds()))
    return reply


def _judge_clock(rung: Rung, skew: int) -> None:
    """Warn if the clocks differ too much; ``skew`` is the host's clock minus the agent's, in seconds."""
    rung.check.facts["clock_skew_seconds"] = skew
    if abs(skew) > MOST_SKEW:
        which = "ahead of" if skew > 0 else "behind"
        rung.warn(causes.CLOCK_SKEW, f"its clock is {abs(skew)} s {which} the agent's")
