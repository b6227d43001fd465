"""Our own client libraries: there or not, their versions and limits. What is missing here keeps nothing from a scan.

Every handshake is done without them; they log in. So a missing one is told, and is a finding only where a target to be
checked has a credential that nobody could then try.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from scanready.causes import common
from scanready.clients import libraries
from scanready.clients.libraries import LIBRARIES, Library
from scanready.net.tls import handshake_context
from scanready.targets.ssh import client as openssh

from .question import Answer, Line
from .request import Asked

#: So many names are told; the facts have all.
_MOST_NAMES = 3


async def look(asked: Asked) -> list[Answer]:
    """Import each library in a process of its own, and say what there is, what is missing, and what each cannot do."""
    answers: list[Answer] = []
    here: dict[Library, dict[str, Any]] = {}
    with Line("drivers", answers) as line:
        found = await asyncio.to_thread(libraries.installed)
        here = {library: found[library.module] for library in LIBRARIES if "version" in found[library.module]}
        versions = {library.module: str(facts["version"]) for library, facts in here.items()}
        told = ", ".join(f"{module} {version}" for module, version in versions.items())
        line.saw(told or "none installed: no login can be checked", drivers=versions)
    if answers[0].finding:
        return answers
    _missing(asked, {library: found[library.module] for library in LIBRARIES if library not in here}, answers)
    await _limits(here, answers)
    return answers


def _missing(asked: Asked, absent: Mapping[Library, dict[str, Any]], answers: list[Answer]) -> None:
    if not absent:
        return
    with Line("drivers", answers) as line:
        logging_in = {target.type for target in asked.targets if target.credential is not None and not target.guessed}
        wanted = [library for library in absent if logging_in & set(library.types)]
        words = [_absence(library, facts) for library, facts in absent.items() if not wanted or library in wanted]
        facts = {library.module: "broken" if "broken" in state else "missing" for library, state in absent.items()}
        if wanted:
            line.unmet(common.DRIVER_MISSING, "; ".join(words), drivers_absent=facts)
        else:
            line.skip(f"not here, so these logins are not checked: {'; '.join(words)}", drivers_absent=facts)


def _absence(library: Library, facts: dict[str, Any]) -> str:
    extra = f"pip install 'scanready[{library.extra}]'"
    why = f" is broken ({facts['broken']})" if "broken" in facts else ""
    return f"{library.module}{why} for {', '.join(library.types)}: {extra}"


async def _limits(here: Mapping[Library, dict[str, Any]], answers: list[Answer]) -> None:
    """What ours cannot do says nothing of the scanner's own clients, and is never held against a target."""
    with Line("their limits", answers) as line:
        limits = {library.module: library.limits for library in here if library.limits}
        for library, facts in here.items():
            if library.module == "oracledb" and not facts.get("thin", True):
                del limits["oracledb"]
            if library.module == "paramiko" and (lacks := await asyncio.to_thread(_paramiko, facts["algorithms"])):
                some = ", ".join(lacks[:_MOST_NAMES]) + (", ..." if len(lacks) > _MOST_NAMES else "")
                limits["paramiko"] = f"without {len(lacks)} algorithms that the ssh client offers ({some})"
                line.answer.facts["paramiko_lacks"] = lacks
        line.saw("; ".join(f"{module} {text}" for module, text in limits.items()) or "none known", limits=limits)


def _paramiko(knows: dict[str, list[str]]) -> list[str]:
    """What the agent's ssh client offers by default and paramiko does not know."""
    client = openssh.present()
    if client is None or client.general is None:
        return []
    offer = client.general.offer
    offered = {"kex": offer.kex, "host_key": offer.host_keys, "cipher": offer.ciphers_c2s, "mac": offer.macs_c2s}
    lacking = [
        name
        for slot, names in offered.items()
        for name in names
        if name not in knows[slot] and not name.startswith(("ext-info-", "kex-strict-")) and "-cert-v01" not in name
    ]
    return list(dict.fromkeys(lacking))


async def look_at_tls(asked: Asked) -> list[Answer]:
    """What this Python's OpenSSL permits: to client libraries by the system's policy, and to our own handshakes."""
    answers: list[Answer] = []
    with Line("TLS", answers) as line:
        usual = ssl.create_default_context()
        ours = handshake_context()
        lowest = {ssl.TLSVersion.MINIMUM_SUPPORTED: "the oldest version there is"}
        policy = lowest.get(usual.minimum_version, _name(usual.minimum_version))
        line.saw(
            f"{ssl.OPENSSL_VERSION}: client libraries from {policy} up, at security level {usual.security_level}; "
            f"our own handshakes from {_name(ours.minimum_version)} up",
            openssl=ssl.OPENSSL_VERSION,
            tls_minimum=policy,
            security_level=usual.security_level,
            tls_minimum_of_handshakes=_name(ours.minimum_version),
        )
        absent = [name for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3") if not getattr(ssl, f"HAS_{name}")]
        if absent:
            line.saw(f"built without {', '.join(absent).replace('_', '.')}: a server that speaks only that is not told")
    return answers


def _name(version: int) -> str:
    return ssl.TLSVersion(version).name.replace("_", ".")
