"""Read the credentials of an inventory, and look up the secrets of those that are used.

A secret is looked up only if a target needs it. All secrets are looked up before anything is
contacted. Prompts come last, when the rest of the inventory is known to be correct.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.model import Credential, Target

from .problem_log import Page
from .problems import Problem
from .schema import CredentialEntry
from .secrets import check_reference, look_up, readable_file
from .yaml_nodes import Node

_SECRETS = {"password": "", "key_passphrase": "the key of "}


class Accounts:
    """The inventory's credentials by name. Until :meth:`resolve`, they are without their secrets."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._known: dict[str, Credential] = {}
        self._nodes: dict[str, Node] = {}
        self._used: dict[str, Credential] = {}
        self._keep_missing = False
        self._sound: set[tuple[str, str]] = set()
        self._resolved: dict[str, Credential] = {}
        self.missing: dict[str, list[str]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of all defined credentials, used or not."""
        return frozenset(self._known)

    def define(self, name: str, node: Node) -> None:
        """Read the definition of one credential; check its references, but do not follow them."""
        self._nodes[name] = node
        self._known[name] = Credential(name, "")  # known even if faulty, so that its users get no error
        if isinstance(node.value, dict):
            for key in _SECRETS:
                if key in node.value:
                    self._check(name, key, node[key])
        entry = self._page.shaped(CredentialEntry, node)
        if entry is None:
            return
        if entry.key_passphrase is not None and entry.key_file is None:
            self._page.wrong(
                node.value["key_passphrase"][0], "`key_passphrase` needs `key_file`: name the key that it unlocks"
            )
        self._known[name] = Credential(name, entry.username, None, entry.key_file, None, entry.authority)

    def _check(self, name: str, key: str, node: Node) -> None:
        with self._page.reading(node):
            if node.value is None:
                raise Wrong("the reference to the secret is empty")
            check_reference(node.value if isinstance(node.value, str) else "")
            self._sound.add((name, key))

    def use(self, name: str, node: Node) -> Credential | None:
        """Return the credential that a target names, and mark it as used."""
        if name not in self._known:
            # A name with a colon may be "user:password".
            which = "" if ":" in name else f" {shown(name)}"
            self._page.wrong(node, f"unknown credential{which}{did_you_mean(name, self._known)}")
            return None
        return self._used.setdefault(name, self._known[name])

    def used_by(self, targets: Iterable[Target]) -> list[str]:
        """Return the names of the defined credentials that these targets use."""
        used = (target.credential for target in targets if target.credential is not None)
        return list(dict.fromkeys(one.name for one in used if self._used.get(one.name) is one))

    def resolve(self, wanted: Iterable[str] | None = None, *, keep_missing: bool = False) -> dict[str, Credential]:
        """Follow the references of the ``wanted`` credentials (None: of all used ones); note those that fail.

        It prompts only if the inventory has no problems. The result is complete if no problem was noted.

        Args:
            keep_missing: put a credential whose secret is missing into ``missing`` with the reason, not a problem.
        """
        self._keep_missing = keep_missing
        secrets: dict[str, dict[str, Any]] = {}
        prompts: list[tuple[str, str, Node]] = []
        for name in self._used if wanted is None else self._known_of(wanted):
            secrets[name] = {}
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
        """Return the names that are defined; note the others as problems of the whole file."""
        names = list(dict.fromkeys(wanted))
        for name in names:
            if name not in self._known:
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

    def _follow(self, found: dict[str, Any], key: str, node: Node, name: str) -> None:
        careless: list[str] = []
        with self._page.reading(node), self._missing_kept(name, node):
            if key == "key_file":
                found[key] = readable_file(node.value, self._page.base, careless)
            else:
                whose = f"{_SECRETS[key]}credential {name} ({self._known[name].username})"
                found[key] = look_up(node.value, careless, base=self._page.base, whose=whose)
        self._page.careless(node, careless)

    @contextmanager
    def _missing_kept(self, name: str, node: Node) -> Iterator[None]:
        try:
            yield
        except Wrong as wrong:
            if not self._keep_missing:
                raise
            problems = (Problem(message, self._page.file, node.line, node.column) for message in wrong.messages)
            self.missing.setdefault(name, []).extend(map(str, problems))
