"""Define the input of a check: a target, an account and an agent."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .expectation import Expectation
from .words import LARGEST_PORT

#: The source of an account that no login is made with.
_UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Credential:
    """An account to log in with. Its secrets are never in a repr, a report, a log or a transcript.

    Attributes:
        name: its name in reports.
        username: the account.
        password: None if there is none; some types accept a key in its place.
        key_file: path of a private key, for types that accept one.
        key_passphrase: the passphrase of the key.
        authority: the directory that judges it. After a refusal the credential is withheld from all other targets of
            the same authority. None makes ``name`` the authority.
        source: where its secrets come from, as JSON text: the references, and of files the last change and the size.
            Nothing in it comes from a secret. Credentials that differ only in this are equal.

    Raises:
        TypeError: a field is not text; its value is not repeated.
    """

    name: str
    username: str
    password: str | None = field(default=None, repr=False)
    key_file: str | None = None
    key_passphrase: str | None = field(default=None, repr=False)
    authority: str | None = None
    source: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("name", "username"):
            _require_text("Credential", name, getattr(self, name))
        for name in ("password", "key_file", "key_passphrase", "authority"):
            if getattr(self, name) is not None:
                _require_text("Credential", name, getattr(self, name))

    def without_secrets(self) -> Credential:
        """Return the account by its name only, so that no login is made."""
        return replace(self, password=None, key_file=None, key_passphrase=None, source=_UNUSED)

    @property
    def is_unused(self) -> bool:
        """True if no login is to be made with the account."""
        return self.source == _UNUSED

    @property
    def guarded_by(self) -> tuple[str, str]:
        """Return the key of the lockout guard: the account, and its authority.

        Within a directory ``CORP\\svc``, ``svc@corp.example`` and ``SVC`` are one account: a directory counts wrong
        passwords for the account, however its name was written.
        """
        if not self.authority:
            return self.username, self.name
        account = self.username.rpartition("\\")[2].partition("@")[0]
        return (account or self.username).casefold(), self.authority.casefold()


@dataclass(frozen=True, slots=True)
class Target:
    """Describe one target of a scan.

    It can be a member of a set or the key of a dict, as long as its options do not change.

    Attributes:
        host: a name or an address, without brackets.
        type: the name of a target type, as ``scanready types`` lists them.
        port: 1 to 65535; 0 where it is not known, because the type comes from a package that cannot be loaded.
        options: the type's options by name, in the form that verifiers use (``scanready types TYPE`` lists them).
        credential: the account to log in with; None checks up to the login prompt.
        tags: free words of the inventory.
        source: where the target was written, as "file:line".
        explicit_port: the port was given, not the default of the type.
        guessed: no type was given; this is one of the types to try.
        expected: its known failure; targets that differ only in this are equal.
        tries: for a host without a type (``type`` is then "any"): the targets of the types to try.
        agents: the names of the agents that check it; empty stands for those of its sites.
        sites: the sites whose agents check it; empty stands for every agent. Not both of them are set.
        alternatives: the accounts to try, in this order, once the target has refused ``credential``.

    Raises:
        TypeError: a field has another type than listed here.
        ValueError: the port is not within 0 to 65535, or there are alternatives to no credential.
    """

    host: str
    type: str
    port: int
    options: Mapping[str, Any] = field(default_factory=dict)
    credential: Credential | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    explicit_port: bool = False
    guessed: bool = False
    expected: Expectation | None = field(default=None, compare=False)
    tries: tuple[Target, ...] = field(default=(), compare=False, repr=False)
    agents: tuple[str, ...] = field(default=(), compare=False)
    sites: tuple[str, ...] = field(default=(), compare=False)
    alternatives: tuple[Credential, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not (
            type(self.host) is type(self.type) is str
            and type(self.port) is int
            and 0 <= self.port <= LARGEST_PORT
            and type(self.options) is dict
            and self.tags == self.agents == self.sites == ()
            and not self.alternatives
            and (self.credential is None or isinstance(self.credential, Credential))
            and (self.source is None or type(self.source) is str)
            and type(self.explicit_port) is type(self.guessed) is bool
            and self.expected is None
        ):  # one look at the usual target, since an inventory has many; a closer one at any other
            self._check()

    def _check(self) -> None:
        _require_text("Target", "host", self.host)
        _require_text("Target", "type", self.type)
        if not isinstance(self.port, int) or isinstance(self.port, bool):
            raise TypeError(f"Target.port must be a whole number, not {type(self.port).__name__}")
        if not 0 <= self.port <= LARGEST_PORT:
            shown = self.port if abs(self.port) < 10**9 else "that number"
            raise ValueError(f"Target.port must be 1 to {LARGEST_PORT}, not {shown}")
        if not isinstance(self.options, dict | Mapping):  # a dict first: the abstract class costs ten times as much
            raise TypeError(f"Target.options must be a dict of names and values, not {type(self.options).__name__}")
        if self.credential is not None and not isinstance(self.credential, Credential):
            raise TypeError(f"Target.credential must be a Credential or None, not {type(self.credential).__name__}")
        if not _are_texts(self.tags):
            raise TypeError("Target.tags must be a tuple of texts: a single one is written as (TAG,)")
        if self.source is not None:
            _require_text("Target", "source", self.source)
        _require_flag("Target", "explicit_port", self.explicit_port)
        _require_flag("Target", "guessed", self.guessed)
        if self.expected is not None and not isinstance(self.expected, Expectation):
            raise TypeError(f"Target.expected must be an Expectation or None, not {type(self.expected).__name__}")
        for name in ("agents", "sites"):
            if not _are_texts(getattr(self, name)):
                raise TypeError(f"Target.{name} must be a tuple of texts: a single one is written as (NAME,)")
        if not all(isinstance(one, Credential) for one in self.alternatives):
            raise TypeError("Target.alternatives must be a tuple of Credentials")
        if self.alternatives and self.credential is None:
            raise ValueError("Target.alternatives needs Target.credential: it is tried first")

    def __hash__(self) -> int:
        return hash((self.host, self.type, self.port, self.credential, _hashable(self.options)))

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""  # that of a broken plug-in's type is not known
        return f"{self.type}://{bracketed(self.host)}{port}"

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Return the accounts to try, in their order; empty without one."""
        return () if self.credential is None else (self.credential, *self.alternatives)

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return (host, port): targets of several types on one port share their connections."""
        return self.host, self.port


@dataclass(frozen=True, slots=True)
class Agent:
    """Describe the host that the check runs on.

    Attributes:
        name: its host name, or the name the operator gave it.
        platform: as ``platform.system()`` names it ("Linux", "Windows").
        addresses: its IP addresses.
        assumed: the operator asked for the result of such an agent; nothing else is known about it.
        distribution: "Debian 12"; empty if not known.
        networks: addresses with their subnets ("10.0.1.5/24"); empty if not known.
        profile: the requirements profile of its scanner, which its targets are judged by; empty if not known.

    Raises:
        TypeError: a field has another type than listed here.
    """

    name: str
    platform: str
    addresses: tuple[str, ...] = ()
    assumed: bool = False
    distribution: str = ""
    networks: tuple[str, ...] = ()
    profile: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "platform", "distribution", "profile"):
            _require_text("Agent", name, getattr(self, name))
        for name in ("addresses", "networks"):
            if not _are_texts(getattr(self, name)):
                raise TypeError(f"Agent.{name} must be a tuple of texts: a single one is written as (ADDRESS,)")
        _require_flag("Agent", "assumed", self.assumed)


def _hashable(value: object) -> Hashable:
    """Return what equal values of options share, in a form that can be hashed: texts, with lists and dicts of them.

    Other values are left out: a number may equal one of another class, and a class may not be hashable.
    """
    match value:
        case str():
            return value
        case Mapping():
            return frozenset((name, _hashable(held)) for name, held in value.items())
        case list() | tuple():
            return tuple(map(_hashable, value))
        case _:
            return None


def _are_texts(values: object) -> bool:
    return isinstance(values, (tuple, list)) and all(isinstance(value, str) for value in values)


def _require_flag(owner: str, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{owner}.{name} must be True or False, not {type(value).__name__}")


def _require_text(owner: str, name: str, value: object) -> None:
    """Raise TypeError for a field that is not text. Its value may be a secret, so only its type is named."""
    if not isinstance(value, str):
        raise TypeError(f"{owner}.{name} must be text (str), not {type(value).__name__}")


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, anything else as it is."""
    return f"[{host}]" if ":" in host else host


def host_of(endpoint: str) -> str:
    """Return the host of an endpoint, which may have a port; an IPv6 address has no brackets then."""
    host, colon, port = endpoint.rpartition(":")
    has_port = bool(colon) and port.isdigit() and (":" not in host or host.endswith("]"))
    return (host if has_port else endpoint).strip("[]")


def is_address(text: str) -> bool:
    """Whether a text is an IP address, with a zone (``%eth0``) or without."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
