"""The surroundings that a process has from its parent: some from its start on, some given to each login anew."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

Surroundings = tuple[object, ...]

#: Environment variables that give a client library a server, an account or a security level; the inventory decides it.
_NOT_FOR_LOGINS = frozenset(
    {
        *("LM_COMPAT_LEVEL", "NTLM_USER_FILE"),  # pyspnego: NTLMv1 and LM; a file of further accounts
        "SSLKEYLOGFILE",  # the keys of each TLS session, written to a file
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),  # requests; asked in capitals of both spellings
        *("NETRC", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),  # requests: accounts by host; authorities to trust
        *("TNS_ADMIN", "ORACLE_HOME"),  # oracledb: where names and security of connections are configured
        *("DB2CLIINIPATH", "DB2DSDRIVER_CFG_PATH"),  # IBM's driver: the same, and alternate servers
        "SSH_AUTH_SOCK",  # paramiko: keys of the user that runs this
    }
)
_OF_LIBPQ = re.compile(r"PG[A-Z]+")  # PGHOST, PGSERVICE, PGSSLMODE and thirty more


def environment() -> dict[str, str]:
    """Return the environment that logins have: ours, without what changes how or where a client library logs in."""
    return {name: text for name, text in os.environ.items() if not _is_for_others(name.upper())}


def _is_for_others(name: str) -> bool:
    return name in _NOT_FOR_LOGINS or _OF_LIBPQ.fullmatch(name) is not None


def surroundings() -> Surroundings:
    """Return the things that a process keeps from its start: the paths of modules, the barred ones, the network."""
    barred = tuple(name for name, module in sys.modules.copy().items() if module is None)
    return tuple(sys.path), barred, _network()


def given(at_start: Mapping[str, str]) -> dict[str, Any]:
    """Return the working directory, and the changes in the environment since ``at_start``."""
    now = environment()
    changed: dict[str, str | None] = {name: text for name, text in now.items() if at_start.get(name) != text}
    changed |= dict.fromkeys(at_start.keys() - now.keys())
    found: dict[str, Any] = {"environment": changed}
    with contextlib.suppress(OSError):  # it was removed
        found["directory"] = os.getcwd()  # noqa: PTH109  # as it is
    return found


def adopt(found: Mapping[str, Any]) -> None:
    """Take over the result of :func:`given`."""
    for name, text in found["environment"].items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text
    with contextlib.suppress(OSError, KeyError):
        os.chdir(found["directory"])


def _network() -> int:
    """The number of this thread's network namespace (Linux); 0 elsewhere."""
    try:
        return os.stat("/proc/thread-self/ns/net").st_ino
    except OSError:
        return 0
