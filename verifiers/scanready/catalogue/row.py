"""Declare one target type; each protocol's folder has one such row.

A row holds only light facts of the protocol, because all rows are loaded together. The heavier parts are in sibling
modules of the row (``home``), which are loaded on first use: ``requirements``, ``conditions``, ``verify``, ``causes``,
``facts``, ``signatures``, ``story``, ``client``, ``driver``, ``services``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from scanready.model import Cause, Credential, Owner, Step, Target

from .bounds import (
    Count,
    Import,
    Line,
    Lowered,
    Module,
    OneOf,
    OptionName,
    Package,
    Place,
    Port,
    Ports,
    Protocol,
    Scheme,
    Title,
    TypeName,
    TypeOrNone,
)
from .notation import Notation
from .option import TLS as IN_TLS
from .option import USER, Option
from .requirement import NONE, Condition, Requirements

if TYPE_CHECKING:
    from .facts import Fact


class Group(IntEnum):
    """The sections of the network requirements, in their order."""

    HOSTS = 1
    STORAGE = 2
    WEB = 3
    MAIL = 4
    DATABASES = 5
    INFRASTRUCTURE = 6
    OTHER = 7


def _any_target(_: Target) -> bool:
    return True


def given_by_type(target: Target) -> bool:
    """Return True for a target that was given with its type, not one of the types that are tried on a host."""
    return not target.guessed


def on_default_port(target: Target) -> bool:
    """Return True for a target that was given with its type and without a port."""
    return given_by_type(target) and not target.explicit_port


@dataclass(frozen=True, slots=True)
class Detour:
    """Declare a contact that a check makes in one case only, beside the ports that a scan needs.

    Attributes:
        ports: its ports.
        when: the case, such as "port 50000 refuses the connection".
        host: the other host in words; empty for the target's own.
        transport: "tcp" or "udp".
        applies: whether it can happen at a target.
    """

    ports: Ports
    when: Line
    host: Line = ""
    transport: Annotated[str, OneOf(("tcp", "udp"))] = "tcp"
    applies: Callable[[Target], bool] = _any_target


@dataclass(frozen=True, slots=True)
class Cost:
    """Declare the upper bound of what one check costs a target.

    Attributes:
        connections, with_credential: connections without and with a credential.
        probe_logins: logins with an invented user.
        login_attempts: logins with the account.
        log: what the target may log of a check, in words.
        shared: the first messages are the same for all options, so that targets on one port share them.
        shared_login: one login with an account serves all targets of the protocol on a port.
        logins_for: what the logins are for, if an accepted account logs in more than once.
        login_port: a further TCP port that is contacted after a login; None if there is none.
        login_port_for: the purpose of that port, such as "the test of ADMIN$ after a login".
        detours: contacts in special cases.
    """

    connections: Count
    with_credential: Count
    probe_logins: Count = 0
    login_attempts: Count = 0
    log: Line = ""
    shared: bool = False
    shared_login: bool = False
    logins_for: Line = ""
    login_port: Port | None = None
    login_port_for: Line = ""
    detours: tuple[Detour, ...] = ()


@dataclass(frozen=True, slots=True)
class Driver:
    """Declare a client library that logs in.

    Attributes:
        module: its import name.
        distribution: its name for an installer.
        extra: the extra that installs it, of the package that brings the type; empty if it is installed by its name.
        limits: what it cannot do, although the scanner's own client may; never the target's fault.
        script: the script in the source of scanready that installs it; empty if it is installed by pip.
    """

    module: Import
    distribution: Title
    extra: Line
    limits: Line = ""
    script: Line = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """Name an independent program that a type was tested against, besides the tests' own recorded byte sequences.

    Attributes:
        name: its usual name.
        kind: "server" if checks were run against it, "client" if it judged the servers or the emulators.
        test: the file of the tests in the source tree.
    """

    name: Title
    kind: Annotated[str, OneOf(("server", "client"))]
    test: Line


def _own_port(_: Target) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Broker:
    """Declare a service that names the ports of a target, which only a query can find out.

    Attributes:
        name: its usual name.
        port: where it listens; None for the target's own port.
        transport: "tcp" or "udp".
        ports: the range that it names ports of, unless an administrator fixed them.
        names: what it names *in place of* the target's own port, such as "instance HR"; None if that port stands.
    """

    name: Title
    port: Port | None
    transport: Annotated[str, OneOf(("tcp", "udp"))]
    ports: Ports
    names: Callable[[Target], str | None] = _own_port


@dataclass(frozen=True, slots=True)
class Nmap:
    """Describe how nmap's XML shows the type.

    Attributes:
        services: nmap's names of it, on any port.
        on_own_port: names that mean it on its own port only, with what to call that port.
        in_tls: the type that it is where nmap found it inside TLS.
        parts: names that are a part of it or beside it, and no target, with the reason.
        ports: further ports of it that are no target of their own, with the reason.
        by_port: whether its port number is enough to suggest it.
    """

    services: tuple[Title, ...] = ()
    on_own_port: Mapping[Title, Line] = field(default_factory=dict, hash=False)
    in_tls: TypeOrNone = ""
    parts: Mapping[Title, Line] = field(default_factory=dict, hash=False)
    ports: Mapping[Port, Line] = field(default_factory=dict, hash=False)
    by_port: bool = True


@dataclass(frozen=True, slots=True)
class Called:
    """List the names that other tools use for the type, for imports and for "did you mean".

    Attributes:
        names: other tools' and people's words for it, in lower case.
        systems: words within an operating system's name that mean such a host.
        ansible: Ansible's connection plug-ins that reach such a host.
        ansible_shells: Ansible's shell types that only such a host has, whatever the connection.
        ansible_port: whether Ansible's port is the one that a scan uses, too.
    """

    names: tuple[Lowered, ...] = ()
    systems: tuple[Lowered, ...] = ()
    ansible: tuple[Line, ...] = ()
    ansible_shells: tuple[Lowered, ...] = ()
    ansible_port: bool = False


@cache
def _part(home: str, name: str) -> ModuleType | None:
    where = f"{home}.{name}"
    return import_module(where) if find_spec(where) else None


def _no_split(_: str) -> Mapping[str, str] | None:
    return None


def _anything(_: str, __: Mapping[str, Any]) -> None:
    return None


Verifier = Callable[[Any], Awaitable[None]]
#: A proxy as an inventory or a stored result names it: its scheme and its account do not matter here.
_RELAY = re.compile(r"(?:https?://)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+):(\d{1,5})/?")


def user_of(target: Target) -> str:
    """Return the user name that a target is asked with: of its credential, else of its option; empty without one."""
    named = target.credential.username if target.credential else ""  # "": only the files of agents have it
    return named or str(USER.of(target.options) or "")


@dataclass(frozen=True, slots=True, eq=False)
class TargetType:
    """One target type.

    Attributes:
        name: the word in URLs and inventories.
        title: what people call it.
        port: the default port; 0 if there is none.
        cost: the upper bound of one check.
        speaks: the protocol, as signatures name it.
        home: the package of its sibling modules (``__package__`` of the row's module).
        verifier: the sibling module whose coroutine ``verify(probe)`` climbs; or that coroutine itself.
        group, place: the section of the requirements document, and the place in it.
        server_first: the server speaks first.
        counts_hang_ups: the server counts connections that end early and bans clients for them; it is tried first.
        tls: spoken inside TLS from the first byte; ``clear_port`` is the one port where it is not.
        starttls: the word for it of ``openssl s_client -starttls``.
        scheme: of the URLs that a person opens, where that is not ``name``.
        path: the option that a URL's path fills; ``split`` may spread the path over several options.
        options: all options, that of the path included.
        any_option: its options are not declared: it accepts every option, with the value as given.
        check: judges a host and its options together; raises :class:`scanready.catalogue.wrong.Wrong`.
        proof: the step that must hold to be ``ready``; ``steps`` are all that can be climbed.
        logs_in: False where only the scanner's own client can log in: the steps then end at the proof.
        takes_keys: a private key logs in.
        guessed: tried on a host that is given without a type.
        hostless: a target's host is the name of a service, not of a machine: the sibling ``services`` says where.
        by_connection: the requirement is the connection itself, so a neighbouring port must not accept one.
        public: the protocol is public; if not, an answer only looks like it.
        privileged: connects from a source port below 1024 if the process may.
        serves: the clients that connect to it on a server of the scanner's own, in the words of `scanready agent`.
        drivers: the client libraries that log in.
        brokers: services that name further ports.
        nmap, called: how other tools show and name it.
        notations: how other tools write a target of it.
        proven_by: the independent proof, besides our own tests, that the check is right.
        judges: the independent servers and clients among them, each with its tests.
        no_other_judge: the reason for fewer than two judges.
        parts: sibling modules in place of those of ``home``, None for one that is left out. Set by the registry for a
            row of another package, whose modules are checked when it is loaded.
        careful: a secret needs a certificate that proves who receives it, though the scanner's client may verify none.
            Set by the registry for a row that another profile judges: a profile never loosens the care for a secret.
        broken: why the type cannot be used, on one line; empty if it can. Set by the registry: such a row stands for
            what another package failed to bring, so nothing of a target is judged by it, and its port may be 0.
    """

    name: TypeName
    title: Title
    port: Port
    cost: Cost
    speaks: Protocol
    home: Package = ""
    verifier: Module | Verifier = "verify"
    group: Group = Group.OTHER
    place: Place = 0
    server_first: bool = False
    counts_hang_ups: bool = False
    tls: bool = False
    clear_port: Port | None = None
    starttls: Scheme = ""
    scheme: Scheme = ""
    path: OptionName | None = None
    split: Callable[[str], Mapping[str, str] | None] = _no_split
    options: tuple[Option, ...] = ()
    any_option: bool = False
    check: Callable[[str, Mapping[str, Any]], None] = _anything
    proof: Step = Step.AUTH
    steps: tuple[Step, ...] = tuple(Step)
    logs_in: bool = True
    takes_keys: bool = False
    guessed: bool = False
    hostless: bool = False
    by_connection: bool = False
    public: bool = True
    privileged: bool = False
    serves: str = ""
    drivers: tuple[Driver, ...] = ()
    brokers: tuple[Broker, ...] = ()
    nmap: Nmap = Nmap()
    called: Called = Called()
    notations: tuple[Notation, ...] = ()
    proven_by: Line = ""
    judges: tuple[Judge, ...] = ()
    no_other_judge: Line = ""
    parts: Mapping[str, ModuleType | None] = field(default_factory=dict)
    careful: bool = False
    broken: str = ""

    def on(self, port: int) -> TargetType:
        """Return the row for a target on ``port``: without TLS on the clear-text port."""
        if port != self.clear_port:
            return self
        return replace(self, tls=False, steps=tuple(step for step in self.steps if step is not Step.TLS))

    def steps_of(self, target: Target) -> tuple[Step, ...]:
        """Return the steps that a target can be climbed by: without TLS if its option ``tls`` does not ask for it."""
        asked = next((option for option in self.options if option is IN_TLS), None)
        if asked is None or self.tls or asked.of(target.options):
            return self.steps
        return tuple(step for step in self.steps if step is not Step.TLS)

    def usable(self, credential: Credential | None) -> Credential | None:
        """Return the credential if a login can be tried with it: it needs a password (possibly empty) or a key."""
        if credential is None or (credential.password is None and not (self.takes_keys and credential.key_file)):
            return None
        return credential

    @property
    def unaided(self) -> tuple[Step, ...]:
        """The steps that can be climbed without a credential; an open page or share is read without one, too."""
        if Step.LOGIN not in self.steps:
            return self.steps
        return tuple(step for step in self.steps if step.height <= self.proof.height)

    @property
    def readiness(self) -> str:
        """Return the step at which it is ``ready``, in words."""
        return (
            f"the verdict is ready when {self.proof} passes"
            if self.proof in self.steps
            else "the verdict is never ready"
        )

    @property
    def aided(self) -> tuple[Step, ...]:
        """The steps that a credential adds."""
        return tuple(step for step in self.steps if step not in self.unaided) if self.logs_in else ()

    @property
    def requirements(self) -> Requirements:
        """Return the demands of the scanner for this type; empty for a type that its document does not know."""
        return self.requirements_of(self.part("requirements"))

    def requirements_of(self, module: ModuleType | None) -> Requirements:
        """Return what a module ``requirements`` demands for this type."""
        found: Mapping[str, Requirements] = module.REQUIREMENTS if module else {}
        return found.get(self.name, NONE)

    @property
    def needs_trust(self) -> bool:
        """Return whether a secret leaves only to a server whose certificate proves who it is."""
        return self.careful or self.requirements.verifies_certificate

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """Return the conditions that a profile may name in a requirement of this type, by their names."""
        module = self.part("conditions")
        found: Mapping[str, Condition] = module.CONDITIONS if module else {}
        return found

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return the facts that a check of this type may state: its own, and those of every climb and TLS handshake."""
        from .facts import CORE, TLS

        module = self.part("facts")
        own: tuple[Fact, ...] = module.FACTS.get(self.name, ()) if module else ()
        names = {fact.name for fact in own}
        shared = (*CORE, *(TLS if self.tls or Step.TLS in self.steps else ()))
        return (*own, *(fact for fact in shared if fact.name not in names))

    def places(self, target: Target) -> list[Target]:
        """Return the places to contact for a target: its host, or each endpoint of the service that it names."""
        services = self.part("services") if self.hostless else None
        found: list[Target] = services.placed(target) if services else [target]
        return found

    @property
    def takes_a_relay(self) -> bool:
        """Return whether a target of the type can name a proxy."""
        return any(option.relay for option in self.options)

    def relay(self, target: Target) -> tuple[str, int] | None:
        """Return host and port of the proxy that a target of the type is reached through; None without one."""
        if not target.options:  # nearly always
            return None
        named = (option.of(target.options) for option in self.options if option.relay)
        where = next((found for value in named if value and (found := _RELAY.fullmatch(str(value)))), None)
        return (where[1].strip("[]"), int(where[2])) if where else None

    def begins_at_its_port(self, target: Target) -> bool:
        """Return whether a climb begins with a connection to the target's own host and port, from any port of ours."""
        if self.privileged or self.hostless:
            return False
        if target.options and (self.relay(target) or len(self.at_its_host(target)) < len(target.options)):
            return False
        return not any(broker.names(target) for broker in self.brokers)

    def at_its_host(self, target: Target) -> Mapping[str, Any]:
        """Return the options of a target without those that lead elsewhere than to its host."""
        leading = {option.name for option in self.options if option.elsewhere}
        return {name: value for name, value in target.options.items() if name not in leading}

    def option(self, name: str) -> Option | None:
        """The option of that name."""
        return next((option for option in self.options if option.name == name), None)

    def part(self, name: str) -> ModuleType | None:
        """Load a sibling module of the row; None if its folder has none of that name."""
        if name in self.parts:
            return self.parts[name]
        return _part(self.home, name) if self.home else None

    def verify(self) -> Verifier:
        """Load the coroutine that climbs.

        Raises:
            ImportError, AttributeError: the row names a module that does not load or has none.
        """
        if not isinstance(self.verifier, str):
            return self.verifier
        found: Verifier = import_module(f"{self.home}.{self.verifier}").verify
        return found


def owner_of(cause: Cause, row: TargetType | None) -> Owner:
    """Return the first of those who can fix a cause at a target of this type; None is a type that is not known."""
    if row is not None and row.group is Group.DATABASES and cause.of_database is not None:
        return cause.of_database
    return cause.owner
