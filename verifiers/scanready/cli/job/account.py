"""Find the account that ``check`` or ``plan`` was given: by the name of a credential, or by a user and references."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from scanready.cli.messages import did_you_mean, fitting
from scanready.model import Credential

from .prepare import problems_told

if TYPE_CHECKING:
    from scanready.inventory import Inventory


class AskedAccount(NamedTuple):
    """The options of ``check`` about its account: the name of a credential, or the references of one.

    ``commands`` is True if a configuration file has the reference, which may then be ``exec:``.
    """

    name: str | None = None
    user: str | None = None
    password_from: str | None = None
    key_file: str | None = None
    commands: bool = False

    def check(self, inventory: Inventory | None) -> None:
        """Check that the options fit together.

        Raises:
            click.UsageError: both ways are used, or no inventory is given for the name.
        """
        if self.name is None:
            return
        if self.user is not None or self.password_from is not None or self.key_file is not None:
            raise click.UsageError("--credential cannot be combined with --user, --password-from or --key-file")
        if inventory is None:
            raise click.UsageError("--credential needs --inventory FILE, the file that defines the credential")


def credential_of(inventory: Inventory | None, asked: AskedAccount) -> Credential | None:
    """Return the credential given to ``check``, by name or by reference; None without one.

    Args:
        inventory: read with the secrets of the credential that is asked for.

    Raises:
        click.UsageError: the options do not fit together.
        Unusable: the reference cannot be resolved.
    """
    asked.check(inventory)
    if asked.name is not None and inventory is not None:
        return inventory.credentials[asked.name]
    if asked.user is None and asked.password_from is None and asked.key_file is None:
        return None
    from scanready.inventory import credential_from

    with problems_told():
        return credential_from(asked.user, asked.password_from, asked.key_file, commands=asked.commands)


def account_name(inventory: Inventory | None, asked: AskedAccount) -> Credential | None:
    """Return the account given to ``check --no-login``: its names only; no secret is looked up.

    Raises:
        click.UsageError: the options do not fit together, or the name resembles one of the inventory.
    """
    asked.check(inventory)
    user = asked.user
    if asked.name is not None and inventory is not None:
        known = inventory.defined.get(asked.name)
        if known is None and (near := did_you_mean(asked.name, inventory.defined)):
            raise click.UsageError(f"--credential: there is no credential {fitting(asked.name)!r}{near}")
        user = known.username if known is not None else None  # only a file of this host may have it
    return Credential(asked.name or user, user).without_secrets() if user else None
