"""Report scanready's client libraries: installed or not, their versions and limits.

A missing library does not prevent a scan. Handshakes need no library; only logins do. So a missing one is listed, and
it is a finding only if a target in the inventory has a credential that then cannot be tried.
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
from scanready.clients.imports import by_script
from scanready.clients.libraries import Library
from scanready.net.tls import handshake_context
from scanready.run import registry
from scanready.run.plugins.attempt import attempted
from scanready.run.registry import catalogue

from .question import Answer, Line
from .request import Asked


async def look(asked: Asked) -> list[Answer]:
    """Import each library in a separate process, and report versions, missing libraries and limits."""
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
        logging_in = {target.type for target in asked.targets if target.credentials and not target.guessed}
        wanted = [library for library in absent if logging_in & set(library.types)]
        words = [_absence(library, facts) for library, facts in absent.items() if not wanted or library in wanted]
        facts = {one.driver.module: "broken" if "broken" in state else "missing" for one, state in absent.items()}
        if wanted:
            line.fail(common.DRIVER_MISSING, "; ".join(words), drivers_absent=facts)
        else:
            line.skip(
                f"missing drivers, so these types' logins are not checked: {'; '.join(words)}", drivers_absent=facts
            )


def _absence(library: Library, facts: dict[str, Any]) -> str:
    why = f" is broken ({facts['broken']})" if "broken" in facts else ""
    script = library.driver.script
    install = by_script(script) if script else f"pip install {shlex.quote(_requirement(library))}"
    return f"{', '.join(library.types)} ({library.driver.module}{why}: {install})"


def _requirement(library: Library) -> str:
    """Return the argument of `pip install` for a library: an extra of the type's package, or the library itself."""
    origin = registry.origin(library.types[0])
    package = origin.package if origin else "scanready"
    return f"{package}[{library.driver.extra}]" if package and library.driver.extra else library.driver.distribution


async def _limits(here: Mapping[Library, dict[str, Any]], answers: list[Answer]) -> None:
    """Report the limits of scanready's libraries. They never block a target: the scanner's clients may differ."""
    with Line("driver limits", answers) as line:
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
            f"has unknown limits, because {library.details} fails: {error or 'it returns no text and facts'}",
            {},
        )
    return found


async def look_at_tls(asked: Asked) -> list[Answer]:
    """Report the TLS versions that OpenSSL permits to client libraries (system policy) and to scanready itself."""
    answers: list[Answer] = []
    with Line("TLS", answers) as line:
        usual = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ours = handshake_context()
        lowest = {ssl.TLSVersion.MINIMUM_SUPPORTED: "the oldest supported version"}
        policy = lowest.get(usual.minimum_version, _name(usual.minimum_version))
        line.ok(
            f"{ssl.OPENSSL_VERSION}: client libraries use {policy} or newer at security level {usual.security_level}; "
            f"scanready's own handshakes use {_name(ours.minimum_version)} or newer",
            openssl=ssl.OPENSSL_VERSION,
            tls_minimum=policy,
            security_level=usual.security_level,
            tls_minimum_of_handshakes=_name(ours.minimum_version),
        )
        absent = [name for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3") if not getattr(ssl, f"HAS_{name}")]
        if absent:
            names = ", ".join(absent).replace("_", ".")
            line.ok(f"built without {names}: scanready cannot identify a server that supports only that")
    return answers


def _name(version: int) -> str:
    return ssl.TLSVersion(version).name.replace("_", ".")
