"""Look up the secrets of credentials that a coordinator names, in this host's own files only."""

from __future__ import annotations

from pathlib import Path

from scanready.catalogue.wrong import shown
from scanready.files.config_folders import folders
from scanready.model import Credential

from .accounts import Accounts
from .local_accounts import NAME, LocalAccount, elsewhere, local_accounts
from .problem_log import Page
from .problems import InventoryError, Problem


class NoSuchCredential(Exception):
    """Raised if this host has no secret for a credential, or does not permit it; the message says so."""


class AgentAccounts:
    """Hold this host's own credentials as they are now.

    Raises:
        InventoryError: a file can be read or written by other users, or has problems.
    """

    def __init__(self) -> None:
        self._local = local_accounts()

    def resolved(self, asked: Credential) -> Credential:
        """Return the credential with its secrets.

        Raises:
            NoSuchCredential: this host has none of this name, or one of another account.
            InventoryError: a secret cannot be looked up.
        """
        entry = self._entry(asked)
        page = Page("the coordinator", Path("/"))
        accounts = Accounts(page)
        accounts.name_only(asked, self._local)
        found = accounts.resolve([asked.name]).get(asked.name)
        if page.problems or found is None:
            raise InventoryError(page.problems or [Problem(f"the credential {shown(asked.name)} has no secret")])
        if found.guarded_by != asked.guarded_by:
            raise NoSuchCredential(
                f"{entry.page.file} has another account for the credential {shown(asked.name)} than the inventory of "
                "the coordinator: write the same username and authority in both"
            )
        return found

    def demand_place(self, asked: Credential, host: str) -> None:
        """Check that the credential may be used at a host.

        Raises:
            NoSuchCredential: the file does not permit it there.
        """
        entry = self._entry(asked)
        if not entry.may_be_used_at(host):
            raise NoSuchCredential(elsewhere(asked.name, entry, host))

    def _entry(self, asked: Credential) -> LocalAccount:
        entry = self._local.by_name.get(asked.name)
        if entry is None:
            places = " or ".join(shown(str(folder / NAME)) for folder in folders())
            raise NoSuchCredential(f"this agent has no credential {shown(asked.name)}: add it to {places}")
        if "prompt:" in (entry.entry.password, entry.entry.key_passphrase):
            raise NoSuchCredential(
                f"{entry.page.file} asks for the secret of {shown(asked.name)} with prompt:, which a fleet agent "
                "cannot do: use file:, env:, keyring:, credstore: or exec:"
            )
        return entry
