"""Read the credentials that this host keeps for itself: ``credentials.yaml``, in the user's or the system's folder.

An inventory goes to many agents and names a credential; each agent looks up the secret by its own file. The file says
at which hosts each credential may be used, so that an inventory cannot send it to another one.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanready.catalogue.wrong import shown
from scanready.files import reading
from scanready.files.config_folders import folders, is_protected, written_by_others
from scanready.files.trust import is_trusted, others_can_read_secret, user_name

from .encoding import decode
from .nodes import Node
from .plain_yaml import read_nodes
from .problem_log import Page
from .problems import InventoryError, Problem
from .shapes import LOCAL_CREDENTIAL

NAME = "credentials.yaml"
#: Bytes: some ten thousand credentials.
_LARGEST_FILE = 1 << 20
_OF_ROOT = "; a file of root needs a group of this user, and mode 640"


@dataclass(frozen=True, slots=True)
class LocalAccount:
    """One entry of a file: its page and node, for the places of problems, its content, and why ``exec:`` is refused."""

    page: Page
    node: Node
    entry: Any
    no_commands: str = ""

    def may_be_used_at(self, host: str) -> bool:
        """Return True if a pattern of ``hosts`` matches: a name or address, with ``*`` and ``?``, or a network."""
        return any(_matches(pattern, host) for pattern in self.entry.hosts)


@dataclass(frozen=True, slots=True)
class LocalAccounts:
    """The credentials of this host by name, and the files that were looked at."""

    by_name: Mapping[str, LocalAccount] = field(default_factory=dict)
    files: Sequence[str] = ()


def local_accounts() -> LocalAccounts:
    """Return the credentials of this host; an entry of the user's file replaces one of the system's.

    Raises:
        InventoryError: a file can be read or written by other users, or has problems.
    """
    files = [folder / NAME for folder in folders()]
    found: dict[str, LocalAccount] = {}
    for file in reversed(files):
        found.update(_read(file))
    return LocalAccounts(found, [str(file) for file in files])


def _read(file: Path) -> dict[str, LocalAccount]:
    name, reason, content = str(file), "", b""
    try:
        looked_at = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InventoryError([Problem(f"{error.strerror}: make it readable for this user", name)]) from error
    if refusal := _refusal(file, looked_at):
        raise InventoryError([Problem(refusal, name)])
    try:
        content = reading.read(file, _LARGEST_FILE)
    except reading.Unreadable as error:
        reason = str(error) + ("" if os.access(file, os.R_OK) else _OF_ROOT)
    if reason:
        raise InventoryError([Problem(reason, name)])
    root, problems = read_nodes(decode(content, name), name)
    page = Page(name, file.parent, problems)
    found = _entries(page, root, _refusal_of_commands(file))
    if page.problems:
        raise InventoryError(page.problems)
    return found


def _refusal_of_commands(file: Path) -> str:
    """Return why a file may not name commands to run; empty if only this user or an administrator can write it."""
    if not is_protected(file.parent):
        return "on Windows, every user can make files in this folder: use credentials.yaml in %APPDATA%\\scanready"
    try:
        return written_by_others(file)
    except OSError as error:
        return error.strerror or type(error).__name__


def _refusal(file: Path, found: os.stat_result) -> str:
    """Return why a file is not used: other users can read or write it. Empty on Windows, which has no such modes."""
    if os.name == "nt" or not stat.S_ISREG(found.st_mode):
        return ""
    if not is_trusted(found.st_uid):
        return f"it belongs to {user_name(found.st_uid)}: chown it to this user or to root"
    # The same for each user that runs scanready: what matters is who else reads the file.
    if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP) or others_can_read_secret(found):
        open_to = f"other users can read or write it (mode {stat.S_IMODE(found.st_mode):04o})"
        group = found.st_uid == 0 and found.st_gid != 0
        return f"{open_to}: chmod {'640' if group else '600'} {shlex.quote(str(file))}"
    return ""


def _entries(page: Page, root: Node | None, no_commands: str) -> dict[str, LocalAccount]:
    if root is None or root.value is None:
        return {}
    if not isinstance(root.value, dict):
        page.wrong(root, "it must be a mapping of names to credentials")
        return {}
    found = {}
    for name, (_, node) in root.value.items():
        entry = page.shaped(LOCAL_CREDENTIAL, node)
        if entry is not None:
            _check_networks(page, node["hosts"])
            found[name] = LocalAccount(page, node, entry, no_commands)
    return found


def _check_networks(page: Page, hosts: Node) -> None:
    """Note each item that looks like a network and is none: it would match no host."""
    for item in hosts.value:
        if "/" in item.value:
            try:
                ipaddress.ip_network(item.value)
            except ValueError as error:
                page.wrong(item, f"{shown(item.value)} is no network: {error}")


def elsewhere(name: str, account: LocalAccount, host: str) -> str:
    """Return the problem of a credential at a host where its file does not permit it."""
    return (
        f"{account.page.file} does not permit the credential {shown(name)} at the host {shown(host)}: see its `hosts`"
    )


def _matches(pattern: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern)
    except ValueError:
        return fnmatch.fnmatchcase(host.casefold(), pattern.casefold())
