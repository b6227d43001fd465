"""Check the login prompt of SMB: the mechanisms, and NTLM's challenge with names, domain, build and clock.

No user name has been sent up to here, so a refusal is about the mechanism and also applies to a scan.
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

#: The most seconds that Kerberos permits between two clocks by default (RFC 4120, 1.6); a domain's policy may differ.
MOST_SKEW = 300
#: In reply to a first token, which has no user name, these statuses reject NTLM itself.
_NO_NTLM = frozenset({0xC0000022, 0xC00000BB, 0xC0000418, 0xC000006D})
_NTLM = spnego.NTLM
#: The most interim answers to wait through; real servers send at most one.
_MOST_INTERIM = 8
_SHARE_PASSWORDS = "share passwords"


class NoNtlm(Exception):
    """The server does not accept NTLM; the text has the evidence."""


@dataclass(frozen=True, slots=True)
class Server:
    """Hold the server's properties that a login needs.

    ``dialect`` is the number used in :mod:`scanready.targets.smb.login`. ``name`` and ``domain`` are NetBIOS names.
    ``encrypts`` is True if the server chose one of the ciphers that the agent offered, which are all that exist.
    """

    address: str
    dialect: int
    name: str
    domain: str
    samba: bool
    old: bool
    encrypts: bool


async def report_prompt(probe: Probe, talk: Talk) -> Server:
    """Check the step ``auth``: the login methods, and the facts in the login prompt."""
    async with probe.step(Step.AUTH) as rung:
        mechanisms = _mechanisms(talk)
        software = reply = None
        if isinstance(talk.answer, smb1.Negotiated) and not talk.answer.extended:
            facts = _of_old(rung, talk.answer)
        else:
            try:
                reply, software = await challenge(probe, talk, mechanisms)
                methods = mechanisms or (_NTLM,)
            except NoNtlm as error:
                methods = _without_ntlm(probe, rung, mechanisms, str(error))
            facts = identity(reply, software, talk) | {"auth_methods": list(methods)}
        if reply is not None:
            name, domain = facts.get("server_name"), facts.get("domain")
            server = (f"server {name}" if name else "a server without a name") + (f" of {domain}" if domain else "")
            rung.ok(f"{server} is ready for a login; accepts {', '.join(facts['auth_methods'])}")
        rung.check.facts.update(facts)
        skew = talk.skew if reply is None or reply.timestamp is None else smb.skew_of(reply.timestamp)
        _judge_clock(rung, skew, mechanisms)
    if talk.old:
        _how_to_renew(probe, facts, reply)
    return server_of(talk, reply, facts)


def _mechanisms(talk: Talk) -> tuple[str, ...]:
    return _translate(talk, spnego.read_offer, talk.answer.token).mechanisms if talk.answer.token else ()


def _translate(talk: Talk, read: Callable[[bytes], T], token: bytes) -> T:
    """Read a token with ``read``; add the received bytes to the error of a broken one."""
    try:
        return read(token)
    except WireError as error:
        error.heard = talk.stream.heard
        raise


async def challenge(
    probe: Probe, talk: Talk, mechanisms: tuple[str, ...] | None = None
) -> tuple[ntlm.Challenge, smb1.Setup | None]:
    """Begin an NTLM login and return the challenge; in SMB 1, also the answer that holds it.

    Raises:
        NoNtlm: the server does not offer NTLM, or rejects it.
        Failure, WireError, StreamError: there is no login prompt, or a broken one.
    """
    mechanisms = _mechanisms(talk) if mechanisms is None else mechanisms
    if mechanisms and not spnego.MECHANISMS.intersection(mechanisms):
        raise UnknownValue("the list of mechanisms that the server accepts", ", ".join(mechanisms))
    if mechanisms and _NTLM not in mechanisms:
        raise NoNtlm(f"accepts {', '.join(mechanisms)}, but not NTLM")
    try:
        setup = await _set_up(probe, talk, spnego.offer_ntlm(ntlm.NEGOTIATE))
    except PeerClosed as error:  # the negotiation worked, so the peer does speak SMB
        raise Failure(nt.BROKEN_OFF, f"no login prompt: {error}") from error
    if setup.status in _NO_NTLM:
        raise NoNtlm(f"rejects NTLM: {nt_status.named(setup.status)}")
    if setup.status == nt_status.SUCCESS:
        raise Failure(common.MALFORMED, "the server accepts a login before any user name is sent")
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
        raise NoNtlm(f"rejects NTLM: SPNEGO answers {reply.state} {reply.mechanism}".rstrip())
    return reply.token


def _without_ntlm(probe: Probe, rung: Rung, mechanisms: tuple[str, ...], detail: str) -> tuple[str, ...]:
    """Warn, and return the other mechanisms; Kerberos works only if the target has a full domain name.

    Raises:
        Failure: there are no other mechanisms.
    """
    left = tuple(name for name in mechanisms if name != _NTLM)
    if not mechanisms:
        raise Failure(causes.REFUSED, f"{detail}; the server does not list other mechanisms")
    if not left:
        raise Failure(nt.NO_LOGIN_POSSIBLE, f"{detail}; the server offers no other mechanism")
    if is_address(probe.host):
        detail += f"; Kerberos needs the server's name in place of the address {probe.host}"
    elif "." not in probe.host:
        detail += f"; Kerberos needs the server's full domain name in place of {probe.host}"
    rung.warn(causes.NTLM_DISABLED, detail)
    return left


def _of_old(rung: Rung, answer: smb1.Negotiated) -> Facts:
    """Report the login prompt of a server without SPNEGO, whose NEGOTIATE answer has the challenge and any names."""
    if not answer.user_level:
        rung.ok("no user login: each share has its own password")
        return {"auth_methods": [_SHARE_PASSWORDS]}
    names = {"server_name": answer.server_name, "netbios_name": answer.server_name, "domain": answer.domain}
    rung.ok(
        (f"server {answer.server_name}" if answer.server_name else "a server without a name")
        + " is ready for an NTLM login"
    )
    return {"auth_methods": [_NTLM], **{key: name for key, name in names.items() if name}}


def identity(reply: ntlm.Challenge | None, software: smb1.Setup | None, talk: Talk) -> Facts:
    """Return the facts of a login prompt, without those that it does not state."""
    samba = bool(software and software.software.startswith("Samba")) or _named_by_samba(reply, talk)
    system = reply.os if reply and not samba else None
    if software and software.os.startswith("Windows") and not samba:
        system = software.os
    facts: Facts = {"product": "Samba" if samba else "Windows" if system else None, "os": system}
    if samba and software:
        facts["version"] = software.software.removeprefix("Samba").strip()
    if reply is not None:
        facts |= {
            "server_name": reply.dns_host or reply.server_name or reply.target,
            "netbios_name": reply.server_name,
            # A server outside a domain sends its own name in place of the domain.
            "domain": reply.dns_domain or (reply.domain if reply.domain != reply.server_name else ""),
            "forest": reply.forest,
        }
        if system and reply.version:
            facts["version"] = ".".join(map(str, reply.version))
    return {name: value for name, value in facts.items() if value}


def _named_by_samba(reply: ntlm.Challenge | None, talk: Talk) -> bool:
    """Recognise Samba by its server GUID: it is the NetBIOS name in small letters; other servers' GUIDs are random."""
    name = reply.server_name.lower().encode("utf-8", "replace") if reply else b""
    return bool(name) and talk.answer.guid is not None and talk.answer.guid.bytes_le == name[:16].ljust(16, b"\0")


def _judge_clock(rung: Rung, skew: int | None, mechanisms: tuple[str, ...]) -> None:
    """Warn of a clock difference that breaks Kerberos; without Kerberos, only report it."""
    if skew is None:
        return
    rung.check.facts["clock_skew_seconds"] = skew
    if abs(skew) <= MOST_SKEW:
        return
    detail = f"its clock is {abs(skew)} s {'ahead of' if skew > 0 else 'behind'} the agent's"
    if spnego.KERBEROS not in mechanisms:
        rung.ok(f"{detail}, which does not affect NTLM")
        return
    finding = Finding(causes.CLOCK_SKEW, detail)
    rung.also(Check(Step.AUTH, rung.check.endpoint, Outcome.WARNED, detail, finding=finding))


def _how_to_renew(probe: Probe, facts: Facts, reply: ntlm.Challenge | None) -> None:
    """Add the fix to the finding of a server with only SMB 1, now that its product is known."""
    fix = None
    if facts.get("product") == "Samba":
        fix = fixes.SAMBA_NEWER()
    elif reply is not None and reply.os and reply.version and reply.version >= (6, 0):
        fix = fixes.WINDOWS_NEWER() if reply.version >= (6, 2) else fixes.VISTA_NEWER()
    for at, check in enumerate(probe.checks):
        if check.finding and check.finding.cause is causes.SMB1_ONLY:
            probe.checks[at] = replace(check, finding=replace(check.finding, fix=fix))


def server_of(talk: Talk, reply: ntlm.Challenge | None, facts: Facts) -> Server:
    """Return the server's properties that a login needs."""
    answer = talk.answer
    return Server(
        address=talk.stream.peer,
        dialect=0 if isinstance(answer, smb1.Negotiated) else answer.dialect,
        name=facts.get("netbios_name", ""),
        domain=reply.domain if reply is not None else facts.get("domain", ""),
        samba=facts.get("product") == "Samba",
        old=bool(talk.old),
        encrypts=isinstance(answer, smb2.Negotiated) and bool(answer.cipher),
    )
