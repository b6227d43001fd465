"""List the installed client libraries and their limits; each is really imported, in a separate process.

Installed is not importable: a library may miss a shared object of the system. The process ends with its imports,
which take some seconds and a hundred megabytes.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from scanready.catalogue import Driver, TargetType

from . import subprocess_call

#: Seconds for all imports; two or three on an idle machine.
PATIENCE = 45.0


#: The distributions that every check may need, besides the drivers of the target types.
CORE = (
    "click",
    "cryptography",
    "h11",
    "pyOpenSSL",
    "service-identity",
    "rich",
    "ruamel.yaml",
    "pydantic",
    "pyspnego",
    "requests-ntlm",
    "urllib3",
    "keyring",
)


@dataclass(frozen=True, slots=True)
class Library:
    """A client library, and the target types that it logs in to.

    ``details`` is the module of their folder that knows more of it (``driver``), None if none does.
    """

    driver: Driver
    types: tuple[str, ...]
    details: str | None = None


def known(rows: Iterable[TargetType]) -> list[Library]:
    """Return the libraries that the rows name, each once."""
    found: dict[str, Library] = {}
    for row in rows:
        for driver in row.drivers:
            details = f"{row.home}.driver" if row.part("driver") else None
            first = found.setdefault(driver.module, Library(driver, (), details))
            found[driver.module] = replace(first, types=(*first.types, row.name))
    return list(found.values())


def installed(libraries: Iterable[Library], seconds: float = PATIENCE) -> dict[str, dict[str, Any]]:
    """Return by import name: ``version`` and further facts, or ``missing`` or ``broken`` with the reason.

    Raises:
        Failure: the process died.
        TimeoutError: an import hangs.
    """
    wanted = [[one.driver.module, one.driver.distribution, one.details] for one in libraries]
    found: dict[str, dict[str, Any]] = subprocess_call.run(f"{__name__}:look", {"wanted": wanted}, seconds)
    return found


def look(wanted: list[tuple[str, str, str | None]]) -> dict[str, dict[str, Any]]:
    """Import each module (name, distribution, module with further facts); this part runs in the child process."""
    return {name: _look_at(name, distribution, details) for name, distribution, details in wanted}


def _look_at(name: str, distribution: str, details: str | None) -> dict[str, Any]:
    whose = ""
    try:
        module = importlib.import_module(name)
        whose = f"{details}: "
        more: dict[str, Any] = importlib.import_module(details).facts(module) if details else {}
        json.dumps(more)
    except ModuleNotFoundError as error:
        return {"missing" if error.name == name else "broken": str(error)[:200]}
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the others are still examined
        return {"broken": f"{whose}{type(error).__name__}: {error}"[:200]}
    return {"version": _version(distribution), **more}


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)[:40]
    except importlib.metadata.PackageNotFoundError:
        return "version unknown"
