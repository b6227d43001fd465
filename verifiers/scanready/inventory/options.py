"""What a target of a type may be told besides host and port: names from the catalogue, values brought to one form.

The same rules hold for an inventory entry and for the path and query of a target URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from scanready.catalogue import BY_NAME, Cost, TargetType
from scanready.targets.cloud.options import endpoints, placeholder
from scanready.targets.cloud.services import PLACEHOLDERS

from .hosts import host_and_port
from .problems import Complaints, Wrong, did_you_mean, shown

#: Short names that a URL's query may use, by type.
ALIASES: Mapping[str, Mapping[str, str]] = {"nfs": {"version": "nfs_version"}}
#: True or false.
FLAGS = frozenset({"allow_login_probe", "allow_cleartext", "tls", "on_master", "autodiscover"})
#: Options that name something in a tree: their value may contain slashes. All others name one thing.
TREES = frozenset({"path", "export", "folder"})
#: Of those, what is rooted: a URL's path gives them with the slash it begins with.
ROOTED = frozenset({"path", "export"})
#: What other tools call our types, for "did you mean" where the spelling is not near.
ALSO_KNOWN_AS = {
    "mariadb": "mysql", "cifs": "smb", "samba": "smb", "sqlserver": "mssql", "sftp": "ssh", "scp": "ssh",
    "pgsql": "postgresql", "pg": "postgresql", "exchange": "ews", "lotus": "notes", "domino": "notes", "wmi": "windows",
    "linux": "unix", "ase": "sybase", "sap": "sybase", "ifx": "informix", "tds": "mssql", "s3": "cloud",
}  # fmt: skip
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NFS_VERSIONS = (2, 3, 4)
_LARGEST_ID = 2**32 - 2  # the one above means "nobody in particular" to a kernel
_SECRETIVE = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)


@lru_cache(maxsize=1)
def plugins() -> frozenset[str]:
    """The target types that installed third-party packages bring; they are looked for once a process."""
    from importlib.metadata import entry_points

    from scanready.run.registry import ENTRY_POINTS

    return frozenset(entry.name for entry in entry_points(group=ENTRY_POINTS))


def type_row(name: str) -> TargetType:
    """Return the catalogue's row of a type; a third party's type has a row without a port.

    Raises:
        Wrong: nobody knows the type.
    """
    if found := BY_NAME.get(name):
        return found
    if name in plugins():
        return TargetType(name, name, 0, (), Cost(1, 2), speaks=name)
    other = ALSO_KNOWN_AS.get(name.lower())
    hint = f"; did you mean `{other}`?" if other else did_you_mean(name, BY_NAME)
    raise Wrong(f"unknown target type {shown(name)}{hint} (`scanready types` lists them)")


def accepted(row: TargetType) -> tuple[str, ...]:
    """The option names a type knows."""
    return ((row.path,) if row.path else ()) + row.options


def options_for(row: TargetType, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that concern a type, normalised, in the catalogue's order; a third party's type takes all.

    Raises:
        Wrong: a value that the option cannot have.
    """
    complaints = Complaints()
    found: dict[str, Any] = {}
    for name in accepted(row) or (() if row.name in BY_NAME else tuple(options)):
        if name in options:
            with complaints.collected():
                found[name] = option_value(row, name, options[name])
    if "service" in found and "sid" in found:
        complaints.messages.append("`service` and `sid` exclude each other: give the one the listener knows")
    complaints.settle()
    return found


def refuse_unknown(rows: Iterable[TargetType], names: Iterable[str]) -> None:
    """Check that every name is an option of at least one of the types.

    Raises:
        Wrong: one message a name; values are never repeated.
    """
    rows = list(rows)
    if any(row.name not in BY_NAME for row in rows):
        return
    known = sorted({name for row in rows for name in accepted(row)})
    complaints = Complaints()
    for name in names:
        if name not in known:
            complaints.messages.append(_unknown(rows, name, known))
    complaints.settle()


def is_secretive(name: str) -> bool:
    """True if what goes by this name is probably a secret: then not even a misspelt key's value is looked at."""
    return _SECRETIVE.search(name) is not None


def _unknown(rows: list[TargetType], name: str, known: list[str]) -> str:
    if is_secretive(name):
        return (
            "a secret is not an option of a target (refused, and not repeated here): give the target a credential "
            "whose password is a reference such as env:NAME"
        )
    whose = rows[0].name if len(rows) == 1 else "these types"
    listed = f" (it has: {', '.join(known)})" if known else " (it has none)"
    return f"{shown(name)} is not an option of {whose}{did_you_mean(name, known)}{listed}"


def option_value(row: TargetType, name: str, value: Any) -> Any:
    """Bring one option's value to the form verifiers read: flags are bools, some are numbers, the rest text.

    Raises:
        Wrong: the option cannot have this value.
    """
    if name in FLAGS:
        flag = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
        if flag is None:
            raise Wrong(f"`{name}` is true or false")
        return flag
    if name == "nfs_version":
        if str(value) not in map(str, _NFS_VERSIONS):
            raise Wrong("`nfs_version` is 2, 3 or 4 (the minor version is negotiated)")
        return int(value)
    if name in ("uid", "gid"):
        if not re.fullmatch(r"\d{1,10}", str(value)) or int(value) > _LARGEST_ID:
            raise Wrong(f"`{name}` is a number from 0 to {_LARGEST_ID}")
        return int(value)
    if row.name not in BY_NAME:
        return value
    if name == "endpoints" and value:
        return endpoints(value)
    if isinstance(value, (list, dict)) or value is None or value == "":
        raise Wrong(f"`{name}` must be text" if isinstance(value, (list, dict)) else f"`{name}` is empty")
    return _text(row, name, str(value))


def _text(row: TargetType, name: str, value: str) -> str:
    if not value.isprintable():
        raise Wrong(f"`{name}` contains a control or invisible character")
    if name == "proxy":
        return _proxy(value)
    if name in PLACEHOLDERS:
        return placeholder(name, value)
    if name == "export" and not value.startswith("/"):
        raise Wrong(f"`export` begins with `/`, as in `/home`, not {shown(value)}")
    if name == "share" and re.search(r"[/\\]", value):
        raise Wrong("`share` is the name of the share alone, without a folder in it (that is the option `path`)")
    if name == "path" and row.speaks == "http" and not value.startswith("/"):
        return "/" + value
    return value


def _proxy(value: str) -> str:
    """``host:port``, with or without ``http://``; nobody logs in at the proxy."""
    if "@" in value:
        raise Wrong("`proxy` names no user and no password (refused, and not repeated here): it is `host:port`")
    try:
        host, port = host_and_port(value.removeprefix("http://").removesuffix("/"))
    except Wrong as wrong:
        raise Wrong(*(f"`proxy`: {message}" for message in wrong.messages)) from None
    if port is None:
        raise Wrong("`proxy` needs a port, as in `proxy.corp:3128`")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
