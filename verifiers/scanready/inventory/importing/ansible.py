"""Ansible's inventory (``ansible-inventory --list``) to targets: how Ansible connects says what a host is.

Groups become tags, users credentials without a secret. Passwords in the file are told of, never taken over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.options import is_secretive
from scanready.inventory.problems import InventoryError, Problem
from scanready.run.registry import catalogue

from .found import Entry, Imported, host_of, port_of, tags_of
from .source import Source

_NOT_SCANNED = {
    "local": "Ansible runs it on its own host",
    "network_cli": "a network device",
    "netconf": "a network device",
    "httpapi": "a network device",
}
_EVERY_HOST = frozenset({"all", "ungrouped", "_meta"})
_KEY = re.compile(r'"((?:[^"\\]|\\.){1,300})"\s*:\s*\{')


def read(source: Source) -> Imported:
    """Read Ansible's JSON.

    Raises:
        InventoryError: it is no JSON, or none of Ansible's inventories.
    """
    data = _parsed(source)
    variables = _mapping(_mapping(data.get("_meta")).get("hostvars"))
    members = _members(data)
    hosts = dict.fromkeys([*variables, *members])
    if not hosts:
        raise InventoryError([Problem("no inventory of Ansible's: no hosts (ansible-inventory --list)", source.file)])
    found, lines = Imported("ansible", source.file), _lines(source.text)
    for host in hosts:
        _take(found, host, _mapping(variables.get(host)), members.get(host, []), lines.get(host, 1))
    return found


def _parsed(source: Source) -> Mapping[str, Any]:
    wrong, line, data = "", None, None
    try:
        data = json.loads(source.text)
    except json.JSONDecodeError as error:
        wrong, line = f"no JSON: {error.msg}", error.lineno
    except (RecursionError, ValueError):  # nested without end; a number without end
        wrong = "no JSON that can be read"
    if not wrong and not isinstance(data, dict):
        wrong = "no inventory of Ansible's: not an object (ansible-inventory --list)"
    if wrong:
        raise InventoryError([Problem(wrong, source.file, line)])
    return _mapping(data)


def _members(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The groups of each host, those that contain its groups included."""
    parents: dict[str, list[str]] = {}
    for group, content in data.items():
        for child in _words(_mapping(content).get("children")):
            parents.setdefault(child, []).append(group)
    found: dict[str, list[str]] = {}
    for group, content in data.items():
        for host in _words(_mapping(content).get("hosts")):
            mine = found.setdefault(host, [])
            waiting = [group]
            while waiting:
                one = waiting.pop()
                if one not in mine:
                    mine.append(one)
                    waiting += parents.get(one, [])
    return found


def _take(found: Imported, host: str, variables: Mapping[str, Any], groups: list[str], line: int) -> None:
    for name in variables:
        if is_secretive(name):
            found.note(f"{shown(name)} of {shown(host)} is in the file; a secret is not taken over, only referred to")
    connection = _text(variables.get("ansible_connection")).rpartition(".")[2]
    address = _text(variables.get("ansible_host") or variables.get("ansible_ssh_host")) or host
    row = _type_behind(connection)
    why = _why_not(connection, address, variables, reaches_hosts=row is not None)
    if row is None or why:
        found.leave(line, host, why)
        return
    try:
        name = host_of(address)
        given = variables.get("ansible_port") or variables.get("ansible_ssh_port")
        port = port_of(_text(given)) if row.called.ansible_port and given is not None else None
    except Wrong as wrong:
        found.leave(line, host, "; ".join(wrong.messages))
        return
    tags = tags_of(sorted(group for group in groups if group not in _EVERY_HOST))
    credential = _account(found, variables, line)
    how = f"Ansible connects with {connection}" if connection else "Ansible connects with its default, SSH"
    about = host if name != host else ""
    found.add(Entry(name, line, row.name, port, credential=credential, tags=tags, guess=how, about=about))


def _type_behind(connection: str) -> TargetType | None:
    """Return the type of the hosts that a connection plug-in of Ansible's reaches."""
    return next((row for row in catalogue() if connection in row.called.ansible), None)


def _why_not(connection: str, address: str, variables: Mapping[str, Any], *, reaches_hosts: bool) -> str:
    if connection in _NOT_SCANNED:
        return _NOT_SCANNED[connection]
    if not reaches_hosts:
        return f"connection {shown(connection)}: no host on the network"
    if "ansible_network_os" in variables:
        return "a network device"
    return "its address is a template, which only Ansible can fill in" if "{{" in address else ""


def _account(found: Imported, variables: Mapping[str, Any], line: int) -> str:
    user = _text(variables.get("ansible_user") or variables.get("ansible_ssh_user"))
    if not user or not user.isprintable() or "{{" in user or len(user) > 100:
        return ""
    key = _text(variables.get("ansible_ssh_private_key_file"))
    return found.account(user, user, line, f"key_file: {key}" if key and key.isprintable() else "")


def _lines(text: str) -> dict[str, int]:
    """In which line the variables of each host begin, as far as that can be told from the text."""
    found: dict[str, int] = {}
    line, last = 1, 0
    for match in _KEY.finditer(text):
        line, last = line + text.count("\n", last, match.start()), match.start()
        found.setdefault(match[1], line)
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: Any) -> Iterator[str]:
    yield from (word for word in value if isinstance(word, str)) if isinstance(value, (list, dict)) else ()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
