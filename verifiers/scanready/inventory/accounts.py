"""Read the credentials of an inventory, and look up the secrets of those that are used.

A secret is looked up only if a target needs it. All secrets are looked up before anything is
contacted. Prompts come last, when the rest of the inventory is known to be correct. This host's
own file is read only for a secret: without one, a credential may be a name that only agents know.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.model import Credential, Target

from . import shapes
from .local_accounts import LocalAccounts, elsewhere, local_accounts
from .nodes import Node
from .problem_log import Page
from .problems import InventoryError, Problem
from .secrets import check_reference, look_up, readable_file
from .sources import source_of

_SECRETS = {"password": "", "key_passphrase": "the key of "}


class Accounts:
    """The inventory's credentials by name. Until :meth:`resolve`, they are without their secrets."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._known: dict[str, Credential] = {}
        self._nodes: dict[str, Node] = {}
        self._pages: dict[str, Page] = {}
        self._used: dict[str, Credential] = {}
        self._places: dict[str, list[Node]] = {}
        self._keep_missing = False
        self._sound: set[tuple[str, str]] = set()
        self._resolved: dict[str, Credential] = {}
        self._local: LocalAccounts | None = None
        self.missing: dict[str, list[str]] = {}

    @property
    def defined(self) -> dict[str, Credential]:
        """The credentials of the inventory without their secrets, used or not, and those that targets only name."""
        return {**self._used, **self._known}

    def define(self, name: str, node: Node) -> None:
        """Read the definition of one credential; check its references, but do not follow them."""
        self._nodes[name] = node
        self._known[name] = Credential(name, "")  # known even if faulty, so that its users get no error
        if isinstance(node.value, dict):
            for key in _SECRETS:
                if key in node.value:
                    self._check(name, key, self._page, node[key])
        entry = self._page.shaped(shapes.CREDENTIAL, node)
        if entry is None:
            return
        if entry.key_passphrase is not None and entry.key_file is None:
            self._page.wrong(
                node.value["key_passphrase"][0], "`key_passphrase` needs `key_file`: name the key that it unlocks"
            )
        self._known[name] = Credential(name, entry.username, None, entry.key_file, None, entry.authority)

    def name_only(self, account: Credential, local: LocalAccounts) -> None:
        """Take the name of an account; the references to its secrets are in this host's own files."""
        self._known[account.name], self._local = account.without_secrets(), local

    def _check(self, name: str, key: str, page: Page, node: Node) -> None:
        with page.reading(node):
            if node.value is None:
                raise Wrong("the reference to the secret is empty")
            reference = node.value if isinstance(node.value, str) else ""
            own = self._local.by_name.get(name) if self._local and name in self._pages else None
            check_reference(reference, commands=own is not None)
            if own is not None and own.no_commands and reference.startswith("exec:"):
                raise Wrong(f"`exec:` is refused: {own.no_commands}")
            self._sound.add((name, key))

    def use(self, name: str, node: Node) -> Credential:
        """Return the credential that a target names, and mark it as used; only an agent's own file may define it."""
        if name not in self._known:
            self._places.setdefault(name, []).append(node)
        return self._used.setdefault(name, self._known.get(name, Credential(name, "")))

    def check_names(self, *, by_file: bool) -> None:
        """Note the names that are no names of credentials: misspelt ones, and perhaps a user with a password.

        Args:
            by_file: this host's own file may define them.
        """
        for name in list(self._places):
            near = did_you_mean(name, self._known)
            if near or ":" in name:
                if by_file:
                    self._apply_local(name)
                if name not in self._known and (message := self._unknown(name, near)):
                    self._page.wrong(self._places.pop(name)[0], message)

    def _unknown(self, name: str, near: str = "") -> str:
        """Return the problem of a name that nothing defines; empty if a faulty file of this host may define it."""
        which = "" if ":" in name else f" {shown(name)}"  # a name with a colon may be "user:password"
        more = len(self._places[name]) - 1
        also = f" (used {more + 1} times)" if more else ""
        if self._local is None:
            return f"unknown credential{which}{also}{near or ': declare it in `credentials`'}"
        files = " or ".join(map(shown, self._local.files))
        remedy = near or f": add it to `credentials` of the inventory, or to {files} of this host"
        return f"unknown credential{which}{also}{remedy}" if files else ""

    def used_by(self, targets: Iterable[Target]) -> list[str]:
        """Return the names of the defined credentials that these targets use."""
        used = (account for target in targets for account in target.credentials)
        return list(dict.fromkeys(one.name for one in used if self._used.get(one.name) is one))

    def _apply_local(self, name: str) -> None:
        """Let the entry of this host's own file replace the references of the inventory."""
        if self._local is None:
            self._local = LocalAccounts()
            try:
                self._local = local_accounts()
            except InventoryError as error:
                self._page.problems.extend(error.problems)
        account = self._local.by_name.get(name)
        if account is None or name in self._pages:
            return
        known, entry = self._known.get(name), account.entry
        username = entry.username or (known.username if known else "")
        page = Page(account.page.file, account.page.base, self._page.problems, self._page.warnings)
        if not username:
            page.wrong(account.node, "`username` is missing, and the inventory has none")
        if entry.key_passphrase is not None and entry.key_file is None:
            page.wrong(account.node, "`key_passphrase` needs `key_file`: name the key that it unlocks")
        self._pages[name], self._nodes[name] = page, account.node
        self._sound -= {(name, key) for key in _SECRETS}
        for key in _SECRETS:
            if key in account.node.value:
                self._check(name, key, page, account.node[key])
        authority = entry.authority or (known.authority if known else None)
        self._known[name] = Credential(name, username, None, entry.key_file, None, authority)

    def misplaced(self, name: str, host: str) -> str:
        """Return the problem of a credential whose file on this host does not permit it at ``host``; empty if none."""
        account = self._local.by_name.get(name) if self._local else None
        return elsewhere(name, account, host) if account is not None and not account.may_be_used_at(host) else ""

    def resolve(self, wanted: Iterable[str] | None = None, *, keep_missing: bool = False) -> dict[str, Credential]:
        """Follow the references of the ``wanted`` credentials (None: of all used ones); note those that fail.

        It prompts only if the inventory has no problems. The result is complete if no problem was noted.

        Args:
            keep_missing: put a credential whose secret is missing into ``missing`` with the reason, not a problem.
        """
        self._keep_missing = keep_missing
        secrets: dict[str, dict[str, Any]] = {}
        prompts: list[tuple[str, str, Node]] = []
        for name in self._known_of(self._used if wanted is None else wanted):
            secrets[name] = {"source": self._source(name)}
            for key, node in self._references(name):
                if node.value == "prompt:":
                    prompts.append((name, key, node))
                else:
                    self._follow(secrets[name], key, node, name)
        if not self._page.problems:
            for name, key, node in prompts:
                self._follow(secrets[name], key, node, name)
        for name, found in secrets.items():
            if name in self.missing:
                continue
            self._resolved[name] = dataclasses.replace(self._known[name], **found)
        return self._resolved

    def _known_of(self, wanted: Iterable[str]) -> list[str]:
        """Return the names that are defined; note the others, at the target that uses them or of the whole file."""
        names = list(dict.fromkeys(wanted))
        for name in names:
            self._apply_local(name)
        for name in names:
            if name in self._known:
                continue
            if name in self._places:
                node, message = self._places[name][0], self._unknown(name)
                with self._page.reading(node), self._missing_kept(name, node):
                    if message:
                        raise Wrong(message)
            elif name not in self._used:
                there = ", ".join(shown(known) for known in sorted(self._known)) or "none"
                near = did_you_mean(name, self._known)
                text = f"there is no credential {shown(name)}; the inventory defines {there}{near}"
                self._page.problems.append(Problem(text, self._page.file))
        return [name for name in names if name in self._known]

    def complete(self, credential: Credential) -> Credential:
        """Return the credential with its secrets if the inventory defines it; a user of a target URL is unchanged."""
        if self._used.get(credential.name) is credential:
            return self._resolved.get(credential.name, credential)
        return credential

    def _references(self, name: str) -> list[tuple[str, Node]]:
        """Return the parts of a definition that name files or secrets, without those already known to be wrong."""
        node = self._nodes[name]
        references = [(key, node[key]) for key in _SECRETS if (name, key) in self._sound]
        if self._known[name].key_file is not None:
            references.append(("key_file", node["key_file"]))
        return references

    def _source(self, name: str) -> str:
        references = {key: node.value for key, node in self._references(name)}
        return source_of(references, self._pages.get(name, self._page).base)

    def _follow(self, found: dict[str, Any], key: str, node: Node, name: str) -> None:
        careless: list[str] = []
        page = self._pages.get(name, self._page)
        with page.reading(node), self._missing_kept(name, node):
            if key == "key_file":
                found[key] = readable_file(node.value, page.base, careless)
            else:
                whose = f"{_SECRETS[key]}credential {name} ({self._known[name].username})"
                found[key] = look_up(node.value, careless, base=page.base, whose=whose, commands=name in self._pages)
        page.careless(node, careless)

    @contextmanager
    def _missing_kept(self, name: str, node: Node) -> Iterator[None]:
        try:
            yield
        except Wrong as wrong:
            if not self._keep_missing:
                raise
            file = self._pages.get(name, self._page).file
            problems = (Problem(message, file, node.line, node.column) for message in wrong.messages)
            self.missing.setdefault(name, []).extend(map(str, problems))
