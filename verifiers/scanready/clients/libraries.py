"""Which client libraries are here, and what they cannot do: each is really imported, in a process of its own.

Installed is not importable: a library may miss a shared object of the system. The process ends with its imports,
which take some seconds and a hundred megabytes.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from . import subprocess_call

#: Seconds for all imports; two or three on an idle machine.
PATIENCE = 45.0


@dataclass(frozen=True, slots=True)
class Library:
    """A client library: import name, distribution, our extra that brings it, the target types it logs in to.

    ``limits`` is what it cannot do that the scanner's own client may: never a target's failing.
    """

    module: str
    distribution: str
    extra: str
    types: tuple[str, ...]
    limits: str = ""


LIBRARIES: tuple[Library, ...] = (
    Library("paramiko", "paramiko", "ssh", ("unix", "ssh")),
    Library("impacket", "impacket", "windows", ("windows", "smb")),
    Library("pymysql", "PyMySQL", "db", ("mysql",)),
    Library("psycopg", "psycopg", "db", ("postgresql",)),
    Library(
        "oracledb",
        "oracledb",
        "db",
        ("oracle",),
        "in thin mode, Oracle 12.1 and newer alone, without network encryption of its own and 10G verifiers",
    ),
    Library("pytds", "python-tds", "db", ("mssql",)),
    Library("imapclient", "IMAPClient", "mail", ("imap", "imaps")),
    Library("exchangelib", "exchangelib", "mail", ("ews",)),
    Library("requests", "requests", "web", ("http", "https")),
    Library("ibm_db", "ibm_db", "db2", ("db2",), "wanted only where a DB2 server takes encrypted passwords alone"),
    Library("informix_db", "informix-driver", "informix", ("informix",), "SQLI alone, not the DRDA listener"),
    Library("teradatasql", "teradatasql", "teradata", ("teradata",)),
)


def installed(seconds: float = PATIENCE) -> dict[str, dict[str, Any]]:
    """Return, by import name, ``version`` and more of what can be imported, or ``missing`` or ``broken`` with why.

    Raises:
        Failure: the process died.
        TimeoutError: an import hangs.
    """
    found: dict[str, dict[str, Any]] = subprocess_call.run(f"{__name__}:look", {}, seconds)
    return found


def look() -> dict[str, dict[str, Any]]:
    """The part that runs over there."""
    return {library.module: _look_at(library) for library in LIBRARIES}


def _look_at(library: Library) -> dict[str, Any]:
    try:
        module = importlib.import_module(library.module)
    except ModuleNotFoundError as error:
        return {"missing": str(error)[:200]} if error.name == library.module else {"broken": str(error)[:200]}
    except (ImportError, OSError, AttributeError, SyntaxError) as error:
        return {"broken": f"{type(error).__name__}: {error}"[:200]}
    found: dict[str, Any] = {"version": _version(library.distribution)}
    if library.module == "paramiko":
        lists = {"kex": "_preferred_kex", "host_key": "_preferred_keys", "cipher": "_preferred_ciphers",
                 "mac": "_preferred_macs"}  # fmt: skip
        found["algorithms"] = {slot: list(getattr(module.Transport, name, ())) for slot, name in lists.items()}
    elif library.module == "psycopg":
        found["libpq"] = module.pq.version()
    elif library.module == "oracledb":
        found["thin"] = bool(module.is_thin_mode())
    return found


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)[:40]
    except importlib.metadata.PackageNotFoundError:
        return "version unknown"
