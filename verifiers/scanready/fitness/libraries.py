"""Our own client libraries: there or not, their versions and limits. What is missing here keeps nothing from a scan.

Every handshake is done without them; they log in. So a missing one is told, and is a finding only where a target to be
checked has a credential that nobody could then try.
"""

from __future__ import annotations

import asyncio
import shlex
import ssl
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from scanready.causes import common
from scanready.clients import libraries
from scanready.clients.libraries import Library
from scanready.net.tls import handshake_context
from scanready.run import registry
from scanready.run.plugins.attempt import attempted
from scanready.run.registry import catalogue

from .question import Answer, Line
from .request import Asked


async def look(asked: Asked) -> list[Answer]:
    """Import each library in a process of its own, and say what there is, what is missing, and what each cannot do."""
    answers: list[Answer] = []
    here: dict[Library, dict[str, Any]] = {}
    with Line("drivers", answers) as line:
        known = libraries.known(catalogue())
        found = await asyncio.to_thread(libraries.installed, known)
        here = {library: found[library.driver.module] for library in known if "version" in found[library.driver.module]}
        versions = {library.driver.module: str(facts["version"]) for library, facts in here.items()}
        told = ", ".join(f"{module} {version}" for module, version in versions.items())
        line.ok(told or "none installed: no login can be checked", drivers=versions)
    if answers[0].finding:
        return answers
    _missing(asked, {library: found[library.driver.module] for library in known if library not in here}, answers)
    await _limits(here, answers)
    return answers


def _missing(asked: Asked, absent: Mapping[Library, dict[str, Any]], answers: list[Answer]) -> None:
    if not absent:
        return
    with Line("drivers", answers) as line:
        logging_in = {target.type for target in asked.targets if target.credential is not None and not target.guessed}
        wanted = [library for library in absent if logging_in & set(library.types)]
        words = [_absence(library, facts) for library, facts in absent.items() if not wanted or library in wanted]
        facts = {one.driver.module: "broken" if "broken" in state else "missing" for one, state in absent.items()}
        if wanted:
            line.fail(common.DRIVER_MISSING, "; ".join(words), drivers_absent=facts)
        else:
            line.skip(f"not here, so these logins are not checked: {'; '.join(words)}", drivers_absent=facts)


def _absence(library: Library, facts: dict[str, Any]) -> str:
    why = f" is broken ({facts['broken']})" if "broken" in facts else ""
    return (
        f"{library.driver.module}{why} for {', '.join(library.types)}: pip install {shlex.quote(_requirement(library))}"
    )


def _requirement(library: Library) -> str:
    """Return what an installer is given for a library: an extra of the package that brings the type, or the library."""
    origin = registry.origin(library.types[0])
    package = origin.package if origin else "scanready"
    return f"{package}[{library.driver.extra}]" if package and library.driver.extra else library.driver.distribution


async def _limits(here: Mapping[Library, dict[str, Any]], answers: list[Answer]) -> None:
    """What ours cannot do says nothing of the scanner's own clients, and is never held against a target."""
    with Line("their limits", answers) as line:
        limits: dict[str, str] = {}
        for library, facts in here.items():
            text, more = await asyncio.to_thread(_limits_of, library, facts)
            line.answer.facts.update(more)
            if text:
                limits[library.driver.module] = text
        line.ok("; ".join(f"{module} {text}" for module, text in limits.items()) or "none known", limits=limits)


def _limits_of(library: Library, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if library.details is None:
        return library.driver.limits, {}
    found, error = attempted(import_module(library.details).limits, library.driver, facts)
    if error or not (isinstance(found, tuple) and list(map(type, found)) == [str, dict]):
        return (
            f"has limits that are not known, for {library.details} fails: {error or 'it gives no text and facts'}",
            {},
        )
    return found


async def look_at_tls(asked: Asked) -> list[Answer]:
    """What this Python's OpenSSL permits: to client libraries by the system's policy, and to our own handshakes."""
    answers: list[Answer] = []
    with Line("TLS", answers) as line:
        usual = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ours = handshake_context()
        lowest = {ssl.TLSVersion.MINIMUM_SUPPORTED: "the oldest version there is"}
        policy = lowest.get(usual.minimum_version, _name(usual.minimum_version))
        line.ok(
            f"{ssl.OPENSSL_VERSION}: client libraries from {policy} up, at security level {usual.security_level}; "
            f"our own handshakes from {_name(ours.minimum_version)} up",
            openssl=ssl.OPENSSL_VERSION,
            tls_minimum=policy,
            security_level=usual.security_level,
            tls_minimum_of_handshakes=_name(ours.minimum_version),
        )
        absent = [name for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3") if not getattr(ssl, f"HAS_{name}")]
        if absent:
            line.ok(f"built without {', '.join(absent).replace('_', '.')}: a server that speaks only that is not told")
    return answers


def _name(version: int) -> str:
    return ssl.TLSVersion(version).name.replace("_", ".")
