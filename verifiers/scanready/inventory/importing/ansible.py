"""Read Ansible's inventory (``ansible-inventory --list``): Ansible's connection decides the type of a host.

Groups become tags, users credentials without a secret. Passwords in the file are reported, never copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Wrong, shown
from scanready.files.json_stream import JsonError, JsonStream
from scanready.inventory.options import is_secretive
from scanready.inventory.problems import InventoryError, Problem
from scanready.run.registry import catalogue

from .found import MOST, Entry, Imported, host_of, port_of, tags_of, unrevealing
from .source import LARGEST_FILE, Source

_NOT_SCANNED = {
    "local": "Ansible runs it on its own host (connection local)",
    "network_cli": "a network device",
    "netconf": "a network device",
    "httpapi": "a network device",
}
_EVERY_HOST = frozenset({"all", "ungrouped", "_meta"})
#: The variables of a host that are kept; a file may have all facts that Ansible knows of it.
_VARIABLES = (
    "ansible_connection",
    "ansible_host",
    "ansible_ssh_host",
    "ansible_shell_type",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_network_os",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_ssh_private_key_file",
)
_MOST_SECRETS, _MOST_GROUPS, _MOST_NAMED = 20, 1000, 1_000_000


def read(source: Source) -> Imported:
    """Read Ansible's JSON, host by host.

    Raises:
        InventoryError: it is no JSON, or none of Ansible's inventories, or has too many hosts or memberships.
    """
    stream = JsonStream(source.stream(), LARGEST_FILE)
    hosts = _Hosts()
    wrong = ""
    try:
        if stream.peek() not in ("{", ""):
            stream.value()  # a broken document is reported as one
            wrong = "this is not an Ansible inventory: write one with `ansible-inventory --list`"
        else:
            hosts.read(stream)
    except JsonError as error:
        wrong = f"this is not valid JSON: {str(error).partition(': ')[2] or error}"
    except Wrong as error:
        wrong = "; ".join(error.messages)
    if not wrong and not hosts.known:
        wrong = "this Ansible inventory has no hosts: write it with `ansible-inventory --list`"
    if wrong:
        raise InventoryError([Problem(wrong, source.file, stream.line)])
    found, groups = Imported("ansible", source.file), hosts.memberships()
    for host, (line, variables, secretive) in hosts.known.items():
        for name in secretive:
            found.note(f"{shown(name)} of {shown(unrevealing(host))} was not read, because secrets are not imported")
        _take(found, host, variables, groups.get(host, []), line)
    return found


class _Hosts:
    """The hosts of a file. ``known`` has their line, the variables that matter, and the names of those like secrets."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, Mapping[str, Any], tuple[str, ...]]] = {}
        self._members: dict[str, list[str]] = {}
        self._parents: dict[str, list[str]] = {}
        self._named = 0

    def read(self, stream: JsonStream) -> None:
        """Take the groups, and the variables of the hosts.

        Raises:
            JsonError: it is no JSON.
            Wrong: there is too much of it.
        """
        for group in stream.members():
            if stream.peek() != "{":
                stream.value()
            elif group == "_meta":
                self._variables(stream)
            else:
                self._group(group, stream)
        if stream.peek():
            raise JsonError("there is text after the end of the document")

    def _variables(self, stream: JsonStream) -> None:
        for key in stream.members():
            if key != "hostvars" or stream.peek() != "{":
                stream.value()
                continue
            for host in stream.members():
                line, found = stream.line, _mapping(stream.value())
                kept = {name: found[name] for name in _VARIABLES if name in found}
                secretive = tuple(name for name in found if is_secretive(name))[:_MOST_SECRETS]
                self.known[host] = line, kept, secretive
                self._count()

    def _group(self, group: str, stream: JsonStream) -> None:
        for key in stream.members():
            if key == "hosts":
                for host in _names(stream):
                    self._count()
                    self.known.setdefault(host, (1, {}, ()))
                    self._members.setdefault(host, []).append(group)
            elif key == "children":
                for child in _names(stream):
                    self._count()
                    self._parents.setdefault(child, []).append(group)
            else:
                stream.value()

    def _count(self) -> None:
        self._named += 1
        if len(self.known) > MOST or self._named > _MOST_NAMED:
            raise Wrong(f"more than {MOST:,} hosts, or {_MOST_NAMED:,} memberships: split it")

    def memberships(self) -> dict[str, list[str]]:
        """Return the groups of each host, those that contain its groups included."""
        above: dict[str, list[str]] = {}
        found = {}
        for host, groups in self._members.items():
            belongs = dict.fromkeys(groups)
            for group in groups:
                if group not in above:
                    above[group] = self._above(group)
                belongs |= dict.fromkeys(above[group])
            found[host] = list(belongs)
        return found

    def _above(self, group: str) -> list[str]:
        """The groups that contain a group, up to what an inventory's tags can be."""
        belongs, waiting = dict.fromkeys([group]), [group]
        while waiting and len(belongs) < _MOST_GROUPS:
            for parent in self._parents.get(waiting.pop(), []):
                if parent not in belongs:
                    belongs[parent] = None
                    waiting.append(parent)
        return list(belongs)


def _names(stream: JsonStream) -> Iterator[str]:
    """The names in a list, or the keys of an object."""
    if stream.peek() == "{":
        for name in stream.members():
            stream.value()
            yield name
    elif stream.peek() == "[":
        for _ in stream.items():
            if isinstance(name := stream.value(), str):
                yield name
    else:
        stream.value()


def _take(found: Imported, host: str, variables: Mapping[str, Any], groups: list[str], line: int) -> None:
    connection = _text(variables.get("ansible_connection")).rpartition(".")[2]
    address = _text(variables.get("ansible_host") or variables.get("ansible_ssh_host")) or host
    shell = _text(variables.get("ansible_shell_type")).rpartition(".")[2]
    row = _type_behind(connection)
    why = _why_not(connection, address, variables, reaches_hosts=row is not None)
    if row is None or why:
        found.leave(line, host, why)
        return
    how = f"Ansible connects with {connection}" if connection else "Ansible connects with its default, SSH"
    if (by_shell := _type_with(shell)) and by_shell is not row:
        row = by_shell
        how += f"; its shell type {shell} means {row.name}, which a scan reaches on port {row.port}"
    try:
        name = host_of(address)
        given = variables.get("ansible_port") or variables.get("ansible_ssh_port")
        port = port_of(_text(given)) if row.called.ansible_port and given is not None else None
    except Wrong as wrong:
        found.leave(line, host, "; ".join(wrong.messages))
        return
    tags = tags_of(sorted(group for group in groups if group not in _EVERY_HOST))
    credential = _account(found, variables, line, with_key=row.called.ansible_port)
    about = host if name != host else ""
    found.add(Entry(name, line, row.name, port, credential=credential, tags=tags, guess=how, about=about))


def _type_behind(connection: str) -> TargetType | None:
    """Return the type of the hosts that a connection plug-in of Ansible's reaches."""
    return next((row for row in catalogue() if connection in row.called.ansible), None)


def _type_with(shell: str) -> TargetType | None:
    """Return the type of the hosts that have a shell of Ansible's; None if no type has it."""
    return next((row for row in catalogue() if shell in row.called.ansible_shells), None)


def _why_not(connection: str, address: str, variables: Mapping[str, Any], *, reaches_hosts: bool) -> str:
    if connection in _NOT_SCANNED:
        return _NOT_SCANNED[connection]
    if not reaches_hosts:
        return f"Ansible's connection {shown(connection)} does not use the network"
    if "ansible_network_os" in variables:
        return "a network device"
    return "its address is a template that only Ansible can expand" if "{{" in address else ""


def _account(found: Imported, variables: Mapping[str, Any], line: int, *, with_key: bool) -> str:
    user = _text(variables.get("ansible_user") or variables.get("ansible_ssh_user"))
    if not user or not user.isprintable() or "{{" in user or len(user) > 100:
        return ""
    key = _text(variables.get("ansible_ssh_private_key_file")) if with_key else ""
    return found.account(user, user, line, f"key_file: {key}" if key and key.isprintable() else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
