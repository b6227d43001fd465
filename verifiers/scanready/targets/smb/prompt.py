"""The login prompt of SMB: mechanisms, and NTLM's challenge, which tells names, domain, build and clock.

Nobody is named up to here, so whatever refuses it is about the mechanism, and holds for a scan, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from scanready.causes import common, nt
from scanready.clients import nt_status
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Check, Facts, Finding, Outcome, Step, is_address
from scanready.net.events import record
from scanready.net.stream import PeerClosed
from scanready.wire import UnknownValue, WireError, ntlm, smb1, smb2, spnego

from . import causes, fixes
from . import dialect as smb
from .dialect import Talk

T = TypeVar("T")

#: Kerberos permits so many seconds between two clocks (RFC 4120, 1.6; the domain's policy may say otherwise).
MOST_SKEW = 300
#: What refuses a first token that names nobody refuses NTLM as such.
_NO_NTLM = frozenset({0xC0000022, 0xC00000BB, 0xC0000418, 0xC000006D})
_NTLM = spnego.NTLM
#: Interim answers that are waited out; real servers send one at the most.
_MOST_INTERIM = 8
_SHARE_PASSWORDS = "share passwords"


class NoNtlm(Exception):
    """The server does not take NTLM; the text says how that showed."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server's properties that a login needs.

    ``dialect`` is as :mod:`scanready.targets.smb.login` numbers it; ``name`` and ``domain`` are NetBIOS names;
    ``encrypts``: whether the agent, which offers every cipher, and the server agreed on one.
    """

    address: str
    dialect: int
    name: str
    domain: str
    samba: bool
    old: bool
    encrypts: bool


async def report_prompt(probe: Probe, talk: Talk) -> Server:
    """Climb ``auth``: how one logs in, and what the prompt tells."""
    async with probe.step(Step.AUTH) as rung:
        mechanisms = _mechanisms(talk)
        software = said = None
        if isinstance(talk.answer, smb1.Negotiated) and not talk.answer.extended:
            facts = _of_old(rung, talk.answer)
        else:
            try:
                said, software = await challenge(probe, talk, mechanisms)
                methods = mechanisms or (_NTLM,)
            except NoNtlm as error:
                methods = _without_ntlm(probe, rung, mechanisms, str(error))
            facts = identity(said, software, talk) | {"auth_methods": list(methods)}
        if said is not None:
            name, domain = facts.get("server_name", "a server without a name"), facts.get("domain")
            told = f"asks for a login at {name}" + (f" of {domain}" if domain else "")
            rung.ok(f"{told}; takes {', '.join(facts['auth_methods'])}")
        rung.check.facts.update(facts)
        skew = talk.skew if said is None or said.timestamp is None else smb.skew_of(said.timestamp)
        _judge_clock(rung, skew, mechanisms)
    if talk.old:
        _how_to_renew(probe, facts, said)
    return server_of(talk, said, facts)


def _mechanisms(talk: Talk) -> tuple[str, ...]:
    return _translate(talk, spnego.read_offer, talk.answer.token).mechanisms if talk.answer.token else ()


def _translate(talk: Talk, read: Callable[[bytes], T], token: bytes) -> T:
    """What ``read`` makes of a token; a broken one is told with what the server said."""
    try:
        return read(token)
    except WireError as error:
        error.heard = talk.stream.heard
        raise


async def challenge(
    probe: Probe, talk: Talk, mechanisms: tuple[str, ...] | None = None
) -> tuple[ntlm.Challenge, smb1.Setup | None]:
    """Begin an NTLM login and return the challenge, with what SMB 1 tells beside it.

    Raises:
        NoNtlm: it is not among the mechanisms, or refused.
        Failure, WireError, StreamError: there is no prompt, or a broken one.
    """
    mechanisms = _mechanisms(talk) if mechanisms is None else mechanisms
    if mechanisms and not spnego.MECHANISMS.intersection(mechanisms):
        raise UnknownValue("the list of mechanisms that the server takes", ", ".join(mechanisms))
    if mechanisms and _NTLM not in mechanisms:
        raise NoNtlm(f"takes {', '.join(mechanisms)}, and no NTLM")
    try:
        setup = await _set_up(probe, talk, spnego.offer_ntlm(ntlm.NEGOTIATE))
    except PeerClosed as error:  # the negotiation was understood: this is no broken protocol
        raise Failure(nt.BROKEN_OFF, f"instead of the prompt: {error}") from error
    if setup.status in _NO_NTLM:
        raise NoNtlm(f"refuses to begin an NTLM login: {nt_status.named(setup.status)}")
    if setup.status == nt_status.SUCCESS:
        raise Failure(common.MALFORMED, "the server accepts a login that nobody has made")
    if setup.status != smb2.MORE_PROCESSING:
        raise smb.refused(setup.status)
    reply = _translate(talk, ntlm.read_challenge, _ntlm_of(talk, setup.token))
    return reply, setup if isinstance(setup, smb1.Setup) else None


async def _set_up(probe: Probe, talk: Talk, token: bytes) -> smb1.Setup | smb2.Setup:
    record("ntlm")
    if isinstance(talk.answer, smb1.Negotiated):
        return await smb.ask(probe, talk.stream, smb1.session_setup(token), smb1.read_session_setup)
    setup = await smb.ask(probe, talk.stream, smb2.session_setup(token), smb2.read_session_setup)
    for _ in range(_MOST_INTERIM):
        if setup.status != smb2.PENDING:
            break
        setup = await smb.answer(probe, talk.stream, smb2.read_session_setup)
    return setup


def _ntlm_of(talk: Talk, token: bytes) -> bytes:
    if token.startswith(ntlm.SIGNATURE):
        return token
    reply = _translate(talk, spnego.read_answer, token)
    if reply.mechanism and reply.mechanism not in spnego.MECHANISMS:
        raise UnknownValue("the mechanism that the server chose", reply.mechanism)
    if reply.state == "reject" or (reply.mechanism and reply.mechanism != _NTLM):
        raise NoNtlm(f"does not take NTLM: SPNEGO says {reply.state} {reply.mechanism}".rstrip())
    return reply.token


def _without_ntlm(probe: Probe, rung: Rung, mechanisms: tuple[str, ...], told: str) -> tuple[str, ...]:
    """Warn, and return what is left. Whether an agent can use Kerberos depends on how it names the server.

    Raises:
        Failure: nothing is left.
    """
    left = tuple(name for name in mechanisms if name != _NTLM)
    if not mechanisms:
        raise Failure(causes.REFUSED, f"{told}; what it takes instead is not told")
    if not left:
        raise Failure(nt.NO_LOGIN_POSSIBLE, f"{told}; it offers nothing else")
    if is_address(probe.host):
        told += f"; {probe.host} is an address, for which Kerberos has no ticket: name the server"
    elif "." not in probe.host:
        told += f"; {probe.host} is not a full domain name, which Kerberos wants"
    rung.warn(causes.NTLM_DISABLED, told)
    return left


def _of_old(rung: Rung, answer: smb1.Negotiated) -> Facts:
    """Without SPNEGO the challenge came with the negotiation, and so did the names, where there are any."""
    if not answer.user_level:
        rung.ok("nobody logs in: its shares have passwords of their own")
        return {"auth_methods": [_SHARE_PASSWORDS]}
    names = {"server_name": answer.server_name, "netbios_name": answer.server_name, "domain": answer.domain}
    rung.ok("asks for an NTLM login" + (f" at {answer.server_name}" if answer.server_name else ""))
    return {"auth_methods": [_NTLM], **{key: name for key, name in names.items() if name}}


def identity(said: ntlm.Challenge | None, software: smb1.Setup | None, talk: Talk) -> Facts:
    """The facts of a prompt; what was not told is left out."""
    samba = bool(software and software.software.startswith("Samba")) or _named_by_samba(said, talk)
    system = said.os if said and not samba else None
    if software and software.os.startswith("Windows") and not samba:
        system = software.os
    facts: Facts = {"product": "Samba" if samba else "Windows" if system else None, "os": system}
    if samba and software:
        facts["version"] = software.software.removeprefix("Samba").strip()
    if said is not None:
        facts |= {
            "server_name": said.dns_host or said.server_name or said.target,
            "netbios_name": said.server_name,
            # A member of no domain gives its own name in that place.
            "domain": said.dns_domain or (said.domain if said.domain != said.server_name else ""),
            "forest": said.forest,
        }
        if system and said.version:
            facts["version"] = ".".join(map(str, said.version))
    return {name: value for name, value in facts.items() if value}


def _named_by_samba(said: ntlm.Challenge | None, talk: Talk) -> bool:
    """Samba's GUID is its own NetBIOS name, in small letters; everybody else's is random."""
    name = said.server_name.lower().encode("utf-8", "replace") if said else b""
    return bool(name) and talk.answer.guid is not None and talk.answer.guid.bytes_le == name[:16].ljust(16, b"\0")


def _judge_clock(rung: Rung, skew: int | None, mechanisms: tuple[str, ...]) -> None:
    """Five minutes matter to Kerberos alone; whose server has none is told its clock, and no more."""
    if skew is None:
        return
    rung.check.facts["clock_skew_seconds"] = skew
    if abs(skew) <= MOST_SKEW:
        return
    told = f"its clock is {abs(skew)} s {'ahead of' if skew > 0 else 'behind'} the agent's"
    if spnego.KERBEROS not in mechanisms:
        rung.ok(f"{told}, which NTLM does not mind")
        return
    finding = Finding(causes.CLOCK_SKEW, told)
    rung.also(Check(Step.AUTH, rung.check.endpoint, Outcome.WARNED, told, finding=finding))


def _how_to_renew(probe: Probe, facts: Facts, said: ntlm.Challenge | None) -> None:
    """The fix of a server of SMB 1 alone: known once it has told what it is."""
    fix = None
    if facts.get("product") == "Samba":
        fix = fixes.SAMBA_NEWER()
    elif said is not None and said.os and said.version and said.version >= (6, 0):
        fix = fixes.WINDOWS_NEWER() if said.version >= (6, 2) else fixes.VISTA_NEWER()
    for at, check in enumerate(probe.checks):
        if check.finding and check.finding.cause is causes.SMB1_ONLY:
            probe.checks[at] = replace(check, finding=replace(check.finding, fix=fix))


def server_of(talk: Talk, said: ntlm.Challenge | None, facts: Facts) -> Server:
    """What a login has to know of it."""
    answer = talk.answer
    return Server(
        address=talk.stream.peer,
        dialect=0 if isinstance(answer, smb1.Negotiated) else answer.dialect,
        name=facts.get("netbios_name", ""),
        domain=said.domain if said is not None else facts.get("domain", ""),
        samba=facts.get("product") == "Samba",
        old=bool(talk.old),
        encrypts=isinstance(answer, smb2.Negotiated) and bool(answer.cipher),
    )
