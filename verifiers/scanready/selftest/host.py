"""Describe this host for the reader of a report, without the name of the host, of a user or of a network."""

from __future__ import annotations

import asyncio
import platform
import ssl
import sys
from dataclasses import dataclass

from scanready.clients import libraries
from scanready.climb.explain import Failure
from scanready.run.registry import catalogue
from scanready.version import __version__


@dataclass(frozen=True, slots=True)
class Host:
    """Hold what the verdicts may depend on.

    Attributes:
        scanready, python, openssl: versions.
        platform: the operating system, its version and the processor.
        event_loop: the class of asyncio's event loop.
        encodings: those of file names and of standard output.
        libraries: each optional library with its version, ``missing``, or ``broken`` with the reason.
    """

    scanready: str
    python: str
    openssl: str
    platform: str
    event_loop: str
    encodings: str
    libraries: dict[str, str]


async def this_host() -> Host:
    """Return the description; the libraries are imported in a separate process."""
    return Host(
        scanready=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        openssl=ssl.OPENSSL_VERSION,
        platform=f"{platform.platform()} {platform.machine()}",
        event_loop=type(asyncio.get_running_loop()).__name__,
        encodings=f"{sys.getfilesystemencoding()}, {getattr(sys.__stdout__, 'encoding', None) or 'none'}",
        libraries=await asyncio.to_thread(_libraries),
    )


def _libraries() -> dict[str, str]:
    known = libraries.known(catalogue())
    try:
        found = libraries.installed(known)
    except (Failure, TimeoutError) as error:
        return {"all": f"broken: {error}"}
    return {name: _state(facts) for name, facts in sorted(found.items())}


def _state(facts: dict[str, object]) -> str:
    if "version" in facts:
        return str(facts["version"])
    return "missing" if "missing" in facts else f"broken: {facts['broken']}"
