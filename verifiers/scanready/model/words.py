"""Define the words of a result: steps, outcomes, verdicts, owners and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Step(StrEnum):
    """One rung of the ladder, in climbing order: from the agent itself up to reading the data."""

    AGENT = "agent"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    HANDSHAKE = "handshake"
    AUTH = "auth"
    LOGIN = "login"
    ACCESS = "access"

    @property
    def height(self) -> int:
        """Return the position on the ladder: 0 for ``agent``, 7 for ``access``."""
        return _HEIGHT[self]


LADDER: tuple[Step, ...] = tuple(Step)
_HEIGHT: Mapping[Step, int] = {step: height for height, step in enumerate(LADDER)}

#: The steps at which ``--depth`` may end a climb: the last one that is asked and judged.
DEPTHS: tuple[str, ...] = ("connect", "handshake", "auth", "login", "access")
#: The verdicts that ``--require`` accepts as the least.
REQUIRES: tuple[str, ...] = ("ready", "scannable")
#: The user name to send if a protocol needs one and the operator gave none.
INVENTED_USER = "scanready_probe"
LARGEST_PORT = 65535


class Outcome(StrEnum):
    """The result of one check. The summary of a skipped check always states the reason for skipping it."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """The answer for one target.

    ``SCANNABLE``: reading data was proven. ``READY``: everything holds up to the login prompt. ``LIMITED``: it holds,
    with a warning. ``BLOCKED``: a requirement fails. ``UNDECIDED``: the check could not find out.
    """

    SCANNABLE = "scannable"
    READY = "ready"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"


#: The verdicts of targets that can be scanned, as far as the check went.
GOOD = (Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED)
#: The verdicts that satisfy each ``--require``; None without the option.
HOLDS: Mapping[str | None, tuple[Verdict, ...]] = {
    None: GOOD,
    "ready": (Verdict.SCANNABLE, Verdict.READY),
    "scannable": (Verdict.SCANNABLE,),
}


class Owner(StrEnum):
    """Name the people who can fix a cause.

    ``NETWORK``: firewalls, routing, DNS. ``SERVER``: the administrator of the target host. ``DATABASE``: the database
    administrator. ``IDENTITY``: directory and accounts. ``AGENT``: the administrator of the scanning host.
    ``OPERATOR``: the person who wrote the inventory or holds the credential. ``SCANREADY``: this project.
    """

    NETWORK = "network"
    SERVER = "server"
    DATABASE = "database"
    IDENTITY = "identity"
    AGENT = "agent"
    OPERATOR = "operator"
    SCANREADY = "scanready"


class Scope(StrEnum):
    """Name the extent of a cause.

    ``AGENT``: this agent lacks something. ``PATH``: something between this agent and the target, or a rule of the
    target about this agent's address; another agent may fare better. ``TARGET``: the target, whichever agent asks.
    ``ACCOUNT``: the account, wherever it is tried.
    """

    AGENT = "agent"
    PATH = "path"
    TARGET = "target"
    ACCOUNT = "account"
