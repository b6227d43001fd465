"""The options of a target type besides host, port and credential, and how each value is read.

The same rules hold for an inventory entry and for the path and query of a target URL. A reader takes what YAML or a URL
holds, and returns the form that verifiers use.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanready.model.words import LARGEST_PORT

from .bounds import OptionName
from .wrong import Wrong, shown

#: The JSON Schema of an option that is plain text.
TEXT_SCHEMA: Mapping[str, Any] = {"type": ["string", "number"], "minLength": 1}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_LARGEST_ID = 2**32 - 2  # the kernel reserves the next number for "no user"


def text(name: str, value: Any) -> str:
    """Return the value as printable text.

    Raises:
        Wrong: it is empty, no text, or holds a control or invisible character.
    """
    if isinstance(value, (list, dict)) or value is None or value == "":
        raise Wrong(f"`{name}` must be text" if isinstance(value, (list, dict)) else f"`{name}` is empty")
    plain = str(value)
    if not plain.isprintable():
        raise Wrong(f"`{name}` contains a control or invisible character")
    return plain


def rooted(name: str, value: Any) -> str:
    """Return a path that begins at the root of its tree.

    Raises:
        Wrong: it does not begin with a slash, or is no text.
    """
    plain = text(name, value)
    if not plain.startswith("/"):
        raise Wrong(f"`{name}` must begin with `/`, as in `/home`, not {shown(plain)}")
    return plain


def flag(name: str, value: Any) -> bool:
    """Return True or False.

    Raises:
        Wrong: it is neither.
    """
    found = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
    if found is None:
        raise Wrong(f"`{name}` must be true or false")
    return found


def identifier(name: str, value: Any) -> int:
    """Return the number of a Unix user or group.

    Raises:
        Wrong: it is no number of one.
    """
    if not re.fullmatch(r"\d{1,10}", str(value)) or int(value) > _LARGEST_ID:
        raise Wrong(f"`{name}` must be a number from 0 to {_LARGEST_ID}")
    return int(value)


def fixed_port(name: str, value: Any) -> int:
    """Return the number of a port that the server's administrator has fixed.

    Raises:
        Wrong: it is no port.
    """
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,5}", str(value)) or not 1 <= int(value) <= LARGEST_PORT:
        raise Wrong(f"`{name}` must be a port from 1 to {LARGEST_PORT}")
    return int(value)


def fixed_ports(name: str, value: Any) -> str:
    """Return ports that the server's administrator has fixed, given as a list or separated by commas, with commas.

    Raises:
        Wrong: one of them is no port.
    """
    given = value if isinstance(value, list) else str(value).split(",")
    if not given:
        raise Wrong(f"`{name}` is empty")
    return ",".join(str(fixed_port(name, str(one).strip())) for one in given)


def places(name: str, value: Any) -> str:
    """Return hosts and networks, given as a list or separated by commas, as one text with commas.

    Raises:
        Wrong: one of them is neither a host name nor an address nor a network.
    """
    found = [str(one).strip() for one in (value if isinstance(value, list) else str(value).split(","))]
    wrong = [one for one in found if not (_HOST_NAME.fullmatch(one) or _is_network(one))]
    if wrong or not found or isinstance(value, dict) or value is None:
        raise Wrong(f"`{name}` lists host names, addresses and networks such as 10.0.0.0/24, not {shown(str(value))}")
    return ",".join(found)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a target type.

    Attributes:
        name: the key in an inventory and in a URL's query.
        read: called with the option's name and a value as it was written; returns the value as verifiers use it, or
            raises :class:`scanready.catalogue.wrong.Wrong`. ``text``, ``flag`` and ``switch`` are such functions.
        schema: the JSON Schema of its values in an inventory.
        aliases: shorter names that a URL's query may use.
        tree: whether it names something in a tree, so that a URL's path may have slashes within it.
        rooted: whether a URL's path gives it with the slash that it begins with.
        verbatim: whether a URL's path gives it as it is written, percent-encoding included.
        usual: the value that clients of the type use if it is not given, if there is one.
        relay: whether it names a proxy, as ``host:port``: then nothing goes to the target's own address.
        elsewhere: whether it moves the target to another place than its host.
    """

    name: OptionName
    read: Callable[[str, Any], Any] = text
    schema: Mapping[str, Any] = field(default_factory=lambda: TEXT_SCHEMA, hash=False)
    aliases: tuple[OptionName, ...] = ()
    tree: bool = False
    rooted: bool = False
    verbatim: bool = False
    usual: str = ""
    relay: bool = False
    elsewhere: bool = False

    def of(self, options: Mapping[str, Any]) -> Any:
        """Return its value among the options of a target; None where it is not given."""
        return options.get(self.name)


_A_PORT = {"type": "integer", "minimum": 1, "maximum": LARGEST_PORT}


def pinned(name: str, *, several: bool = False) -> Option:
    """Return an option with the port that a service has been given, in place of one that changes at each start.

    ``several`` is for a service that may have another port for each transport.
    """
    if not several:
        return Option(name, fixed_port, _A_PORT)
    texts = {"type": "string", "pattern": r"^\d{1,5}(,\d{1,5})*$"}
    return Option(name, fixed_ports, {"anyOf": [_A_PORT, texts, {"type": "array", "items": _A_PORT, "minItems": 1}]})


def switch(name: str, *, elsewhere: bool = False) -> Option:
    """Return an option that is true or false."""
    return Option(name, flag, {"type": "boolean"}, elsewhere=elsewhere)


#: The keys that an inventory has for every target, for accounts and for itself: no option can have such a name.
RESERVED = frozenset(
    (
        "host",
        "hosts",
        "type",
        "types",
        "port",
        "credential",
        "tags",
        "expect",
        "name",
        "master",
        "timeout",
        "depth",
        "ca_file",
        "username",
        "password",
        "key_file",
        "key_passphrase",
        "authority",
        "agent",
        "agents",
        "site",
        "guard",
        "defaults",
        "credentials",
        "targets",
    )
)

#: Options that several protocols have.
ALLOW_CLEARTEXT = switch("allow_cleartext")
ALLOW_UNTRUSTED = switch("allow_untrusted")
FOLLOW_REDIRECTS = Option(
    "follow_redirects",
    places,
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
)
ALLOW_LOGIN_PROBE = switch("allow_login_probe")
TLS = switch("tls")
TABLE = Option("table")
USER = Option("user")
DATABASE = Option("database")
