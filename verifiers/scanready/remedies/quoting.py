"""Write values into fixes: only a value of the kind that its place expects, quoted for the language of that place.

A fix is pasted into consoles and configuration files, and its values come from inventories and from peers. A value of
another kind never enters it: the word of the place stands there instead, such as AGENT-ADDRESS, for the reader to fill
in. A value that does enter is one line of printable characters, and one word of its language.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

#: Characters. No name of an account, a database or a share is longer in any product; lists and paths are.
_LONGEST_NAME, _LONGEST = 128, 4096
#: The signs that end a statement or begin a comment: no real name has them, and a tool may overlook the quotes.
_ENDS_A_STATEMENT = r"--|/\*|\*/|;"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a fix.

    Attributes:
        word: stands there for a value that is not of the expected kind, and for None.
        write: returns the value as it is written there; None if it is not of the kind.
    """

    word: str
    write: Callable[[str], str | None]

    def called(self, word: str) -> Place:
        """Return the same place with another word."""
        return Place(word, self.write)

    def __call__(self, value: object) -> str:
        """Return what stands at the place for a value."""
        text = "" if value is None else str(value)
        written = self.write(text) if 0 < len(text) <= _LONGEST else None
        return written if written is not None and written.isprintable() else self.word


def _matching(pattern: str) -> Callable[[str], str | None]:
    """Accept what matches as a whole, and write it as it is."""
    return lambda text: text if re.fullmatch(pattern, text) else None


def _one_of(*words: str) -> Callable[[str], str | None]:
    return lambda text: text if text in words else None


def name(written: Callable[[str], str], longest: int = _LONGEST_NAME) -> Callable[[str], str | None]:
    """Accept a name of people or products: one line, no statement's end, no comment."""

    def write(text: str) -> str | None:
        short = len(text) <= longest and text == text.strip()
        return written(text) if short and text.isprintable() and not re.search(_ENDS_A_STATEMENT, text) else None

    return write


# addresses, hosts, ports ---------------------------------------------------------------------------------------------

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOST_NAME = rf"(?:{_LABEL}\.)*(?!\d+\.?\Z){_LABEL}\.?"
_LONGEST_HOST = 253


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address of one host, without its zone, which no other host knows."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    one: ipaddress.IPv4Address | ipaddress.IPv6Address = mapped or found
    broadcast = one.version == 4 and one.is_reserved
    return None if one.is_unspecified or one.is_multicast or broadcast else one


def _address(text: str) -> str | None:
    found = _parsed(text)
    return None if found is None else str(found)


def _network(text: str) -> str | None:
    found = _parsed(text)
    return None if found is None else f"{found}/{found.max_prefixlen}"


def _bracketed(text: str) -> str | None:
    found = _host(text)
    return f"[{found}]" if found and ":" in found else found


@lru_cache(maxsize=256)
def _host(text: str) -> str | None:
    """Write a host. Each firewall rule has two of them seven times, and the agent is the same in all rules."""
    named = len(text) <= _LONGEST_HOST and re.fullmatch(_HOST_NAME, text)
    return text if named else _address(text)


def _ports(text: str) -> str | None:
    if not re.fullmatch(r"[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?", text):
        return None
    first, _, last = text.partition("-")
    return text if int(first) <= int(last or first) <= 0xFFFF else None


ADDRESS = Place("AGENT-ADDRESS", _address)
#: The one address as a network, as pg_hba.conf and sshd_config have it.
NETWORK = Place("AGENT-ADDRESS/32", _network)
#: An address in brackets if it is of IPv6, as URLs and hosts.allow have it.
BRACKETED_ADDRESS = Place("AGENT-ADDRESS", lambda text: _bracketed(text) if _address(text) else None)
HOST = Place("HOST", _host)
BRACKETED_HOST = Place("HOST", _bracketed)
PORTS = Place("PORT", _ports)
TRANSPORT = Place("tcp", _one_of("tcp", "udp"))

# SQL -----------------------------------------------------------------------------------------------------------------


def sql_name(name: str) -> str:
    """Quote an identifier as the standard has it; every line end and quote is a part of the name."""
    return '"' + name.replace('"', '""') + '"'


def backticked(name: str) -> str:
    """Quote an identifier in backticks, as one dialect of SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def in_brackets(name: str) -> str:
    """Quote an identifier in the brackets of Transact-SQL."""
    return "[" + name.replace("]", "]]") + "]"


def _sql_text(text: str) -> str:
    """Quote a text so that it ends where it should whether a backslash escapes (the default of one dialect) or not."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _host_pattern(text: str) -> str | None:
    """Accept a host that holds no wildcard: ``%`` and ``_`` would admit other hosts."""
    host = None if "_" in text else _host(text)
    return _sql_text(host) if host else None


def _unquotable(text: str) -> str | None:
    """Quote an identifier in a dialect that has no way to write a quote in one."""
    return None if '"' in text else name(sql_name)(text)


def _granted_database(text: str) -> str | None:
    """Accept no ``%``: in a GRANT it stands for any database."""
    return None if "%" in text else name(backticked)(text)


def _granted_host(text: str) -> str | None:
    """Accept the host part of an account that exists: a name, an address, a network, a pattern of these."""
    return backticked(text) if re.fullmatch(r"[A-Za-z0-9._:%/-]+", text) else None


SQL_NAME = Place('"NAME"', name(sql_name))
SQL_NAME_WITHOUT_QUOTES = Place('"NAME"', _unquotable)
BACKTICKED_NAME = Place("`NAME`", name(backticked))
BACKTICKED_DATABASE = Place("`DATABASE`", _granted_database)
BACKTICKED_HOST = Place("`HOST`", _granted_host)
SQL_TEXT = Place("'NAME'", name(_sql_text))
SQL_HOST = Place("'AGENT-ADDRESS'", _host_pattern)
BRACKETED_NAME = Place("[NAME]", name(in_brackets))

# shells --------------------------------------------------------------------------------------------------------------

#: Characters that PowerShell takes for a single quote, and for a double one.
_SINGLE_QUOTES = "['\u2018\u2019\u201a\u201b]"
_DOUBLE_QUOTES = '"\u201c\u201d\u201e'
#: Within double quotes, cmd.exe and PowerShell act on nothing in such a text: it holds no expansion, no escape and no
#: quote. A ``$`` before a sign that is no name and no bracket is itself.
_IN_DOUBLE_QUOTES = rf"(?:[^{_DOUBLE_QUOTES}`%^!&|<>$]|\$(?![\w({{:?^$]))+"


def shell_word(text: str) -> str | None:
    """Quote a word for a POSIX shell; None for what a program would take for an option, and for more than a line."""
    return shlex.quote(text) if text.isprintable() and not text.startswith("-") else None


def powershell_text(text: str) -> str:
    """Quote a text for PowerShell, so that nothing in it is expanded; typographic quotes end a text there, too."""
    return "'" + re.sub(_SINGLE_QUOTES, lambda found: 2 * found[0], text) + "'"


def _account(text: str) -> str | None:
    r"""Accept a Windows account, ``DOMAIN\user`` or ``user@domain``, without what no account may have in its name."""
    fits = len(text) <= _LONGEST_NAME and text == text.strip() and text.count("\\") <= 1
    return text if fits and re.fullmatch(rf"[^/\[\]:;|=,+*?<>{_DOUBLE_QUOTES}`%^!&$]+", text) else None


def _user_word(text: str) -> str | None:
    """Quote a user for any shell: none of the characters that only some shells leave alone within their quotes."""
    unsafe = re.search(rf"[&|<>^{_DOUBLE_QUOTES}`\u2018\u2019\u201a\u201b]", text)
    return None if unsafe else _shell_name(text)


def _shell_name(text: str) -> str | None:
    return None if re.search(_ENDS_A_STATEMENT, text) else shell_word(text)


def _folder(text: str) -> str | None:
    return None if re.search(_ENDS_A_STATEMENT, text) or not re.fullmatch(_IN_DOUBLE_QUOTES, text) else text


SHELL_WORD = Place("WORD", shell_word)
SHELL_PATH = Place("DIRECTORY", _shell_name)
SHELL_USER = Place("USER", _user_word)
POWERSHELL_TEXT = Place("'NAME'", name(powershell_text))
#: Within double quotes of the fix, for cmd.exe and PowerShell both.
QUOTED_ACCOUNT = Place("ACCOUNT", _account)
QUOTED_PATH = Place("SHARE", _folder)

# configuration files -------------------------------------------------------------------------------------------------

#: The words that pg_hba.conf has for itself, unless they are quoted.
_HBA_WORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})


def _hba_name(text: str) -> str:
    plain = all(char.isalnum() or char in "_-." for char in text) and text.lower() not in _HBA_WORDS
    return text if plain else sql_name(text)


def _exported(text: str) -> str | None:
    """Accept an absolute path of /etc/exports: quoted for its spaces, without what the file has for clients."""
    if not re.fullmatch(r"/[\w./@:+,=~ $-]*", text):
        return None
    return f'"{text}"' if " " in text else text


def _yaml_word(text: str) -> str | None:
    """Accept a word of letters, digits, dots, colons and hyphens, quoted where YAML may take it for something else."""
    if not re.fullmatch(r"[\w.:-]+", text, re.ASCII):
        return None
    plain = re.fullmatch(r"[A-Za-z][\w.-]*", text, re.ASCII) and text.lower() not in _YAML_WORDS
    return text if plain or (_address(text) and ":" not in text) else json.dumps(text)


_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

HBA_CONNECTION = Place("host", _one_of("host", "hostssl"))
HBA_NAME = Place("NAME", name(_hba_name))
#: One user of a list or pattern, where ``+``, ``@``, ``!``, ``*``, a comma or a space would mean more than one.
USER_WORD = Place("USER", _matching(r"\w[\w.@-]*(?:\\\w[\w.@-]*)?"))
ALGORITHMS = Place("ALGORITHMS", _matching(r"[A-Za-z0-9@._-]+(?:,[A-Za-z0-9@._-]+)*"))
EXPORTED_PATH = Place("/EXPORT", _exported)
#: The name of a section in brackets.
SECTION = Place("SHARE", _matching(r"[\w.$ &-]{1,80}"))
YAML_WORD = Place("NAME", _yaml_word)
#: One part of a URL, and several of them: percent-encoded.
URL_NAME = Place("NAME", name(lambda text: quote(text, safe="")))
URL_NAMES = Place("PATH", name(quote, _LONGEST))
URL_PATH = Place("/", _matching(r"/[\w./~%+,=@:-]*"))

# comments and descriptions -------------------------------------------------------------------------------------------

_UNSAFE = r"[^A-Za-z0-9 ._:/()@=+\[\]-]"


def plain(text: str, most: int = 2000) -> str:
    """Return a text that no console takes for anything else: what is not a letter, digit or harmless sign is ``_``."""
    return re.sub(_UNSAFE, "_", text)[:most]
