"""The stable surface for authors of verifiers: what a target type in a package of its own imports, from one place.

A row imports what declares a type (``TargetType``, ``Cost``, ``Option`` ...), and a verifier what climbs (``Probe``,
``Stream``, ``Failure`` ...)::

    from scanready.author import Cause, Owner, Probe, Step

docs/api.md describes every name and says what is stable; docs/adding-a-target.md is the introduction. Names are loaded
on first use: a row needs the declaration only, and rows of all packages are loaded together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanready.catalogue import (
        ALWAYS,
        Broker,
        Called,
        Condition,
        Cost,
        Detour,
        Driver,
        Group,
        Judge,
        Nmap,
        Notation,
        Option,
        Requirement,
        Requirements,
        Seen,
        TargetType,
    )
    from scanready.catalogue import facts as facts
    from scanready.catalogue.exchange import Exchange, Sent, when_read, with_login, with_probe
    from scanready.catalogue.facts import Fact, Kind
    from scanready.catalogue.option import (
        ALLOW_CLEARTEXT,
        ALLOW_LOGIN_PROBE,
        ALLOW_UNTRUSTED,
        DATABASE,
        TABLE,
        TLS,
        USER,
        flag,
        identifier,
        rooted,
        switch,
        text,
    )
    from scanready.catalogue.requirement import one_port
    from scanready.catalogue.wrong import Wrong
    from scanready.causes import common
    from scanready.clients import subprocess_call
    from scanready.clients.held_tls import held_context
    from scanready.clients.login_process.lent import Lent
    from scanready.clients.watchdog import Watchdog
    from scanready.climb.explain import Failure
    from scanready.climb.guard import Attempt
    from scanready.climb.login_result import LoginResult
    from scanready.climb.login_trace import LoginTrace
    from scanready.climb.login_trust import LoginTrust
    from scanready.climb.probe import ClimbEnded, Farewell, Probe, Rung
    from scanready.climb.signature import Signature, framed, says
    from scanready.model import (
        INVENTED_USER,
        Cause,
        Check,
        Credential,
        Finding,
        OtherOwner,
        Outcome,
        Owner,
        Step,
        Target,
    )
    from scanready.net.events import record
    from scanready.net.stream import (
        ConnectError,
        Framing,
        PeerClosed,
        ReadTimeout,
        Stream,
        StreamError,
        TlsError,
        UdpTimeout,
    )
    from scanready.net.tls import TlsSession
    from scanready.wire import Buffer, Cursor, OurLimit, Reader, Steps, Stepwise, UnknownValue, WireError, stepwise
    from scanready.wire.printable import printable

__all__ = [
    "ALLOW_CLEARTEXT",
    "ALLOW_LOGIN_PROBE",
    "ALLOW_UNTRUSTED",
    "ALWAYS",
    "DATABASE",
    "INVENTED_USER",
    "TABLE",
    "TLS",
    "USER",
    "Attempt",
    "Broker",
    "Buffer",
    "Called",
    "Cause",
    "Check",
    "ClimbEnded",
    "Condition",
    "ConnectError",
    "Cost",
    "Credential",
    "Cursor",
    "Detour",
    "Driver",
    "Exchange",
    "Fact",
    "Failure",
    "Farewell",
    "Finding",
    "Framing",
    "Group",
    "Judge",
    "Kind",
    "Lent",
    "LoginResult",
    "LoginTrace",
    "LoginTrust",
    "Nmap",
    "Notation",
    "Option",
    "OtherOwner",
    "OurLimit",
    "Outcome",
    "Owner",
    "PeerClosed",
    "Probe",
    "ReadTimeout",
    "Reader",
    "Requirement",
    "Requirements",
    "Rung",
    "Seen",
    "Sent",
    "Signature",
    "Step",
    "Steps",
    "Stepwise",
    "Stream",
    "StreamError",
    "Target",
    "TargetType",
    "TlsError",
    "TlsSession",
    "UdpTimeout",
    "UnknownValue",
    "Watchdog",
    "WireError",
    "Wrong",
    "common",
    "facts",
    "flag",
    "framed",
    "held_context",
    "identifier",
    "one_port",
    "printable",
    "record",
    "rooted",
    "says",
    "stepwise",
    "subprocess_call",
    "switch",
    "text",
    "when_read",
    "with_login",
    "with_probe",
]

#: The names that each module defines. A module by its last name (``common``, ``subprocess_call``) is exported whole.
_HOMES = {
    "scanready.catalogue": "ALWAYS Broker Called Condition Cost Detour Driver Group Judge Nmap Notation Option "
    "Requirement Requirements Seen TargetType",
    "scanready.catalogue.exchange": "Exchange Sent when_read with_login with_probe",
    "scanready.catalogue.facts": "Fact Kind facts",
    "scanready.catalogue.option": "ALLOW_CLEARTEXT ALLOW_LOGIN_PROBE ALLOW_UNTRUSTED DATABASE TABLE TLS USER flag "
    "identifier rooted switch text",
    "scanready.catalogue.requirement": "one_port",
    "scanready.catalogue.wrong": "Wrong",
    "scanready.causes.common": "common",
    "scanready.clients.held_tls": "held_context",
    "scanready.clients.login_process.lent": "Lent",
    "scanready.clients.subprocess_call": "subprocess_call",
    "scanready.clients.watchdog": "Watchdog",
    "scanready.climb.explain": "Failure",
    "scanready.climb.guard": "Attempt",
    "scanready.climb.signature": "Signature framed says",
    "scanready.climb.login_result": "LoginResult",
    "scanready.climb.login_trace": "LoginTrace",
    "scanready.climb.login_trust": "LoginTrust",
    "scanready.climb.probe": "ClimbEnded Farewell Probe Rung",
    "scanready.model": "Cause Check Credential Finding INVENTED_USER OtherOwner Outcome Owner Step Target",
    "scanready.net.events": "record",
    "scanready.net.stream": "ConnectError Framing PeerClosed ReadTimeout Stream StreamError TlsError UdpTimeout",
    "scanready.net.tls": "TlsSession",
    "scanready.wire": "Buffer Cursor OurLimit Reader Steps Stepwise UnknownValue WireError stepwise",
    "scanready.wire.printable": "printable",
}

if not TYPE_CHECKING:  # a type checker that saw this function would accept every name

    def __getattr__(name: str) -> Any:
        """Load a name on first use."""
        home = next((home for home, names in _HOMES.items() if name in names.split()), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(home)
        found = globals()[name] = getattr(module, name, module)
        return found


def __dir__() -> list[str]:
    """List the public names only."""
    return sorted(__all__)
