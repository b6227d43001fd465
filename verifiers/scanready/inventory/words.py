"""End messages with advice for the place of the text: a program, a command line or an inventory."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """The ends of messages that depend on where a target was written.

    Attributes:
        password: the advice for a password in a target.
        secret: the advice for an option that is a secret.
        user: where to write the user name of an account.
        types: the name of the list of types, with a verb.
        network: where to write a network.
    """

    password: str
    secret: str
    user: str
    types: str
    network: str


_REFERENCE = "give the target a credential whose password is a reference such as env:NAME"
IN_INVENTORY = Words(
    f"give the user name only, and {_REFERENCE.removeprefix('give ')}",
    _REFERENCE,
    "`username` of the credential, or USER@ in the target",
    "`types` says",
    "write a network in `hosts` of an inventory",
)
ON_COMMAND_LINE = Words(
    "give the user name only, and the password as --password-from env:NAME",
    "give the password as --password-from env:NAME",
    "--user, or USER@ in the target",
    "--type says",
    "write a network in `hosts` of an inventory",
)
#: The same for a command that does not log in.
WITHOUT_LOGIN = ON_COMMAND_LINE._replace(password="remove it, there is no login", secret="remove it, there is no login")
IN_PROGRAM = Words(
    "give the user name only, and the password in credential=Credential(NAME, USERNAME, PASSWORD)",
    "give the target a Credential(NAME, USERNAME, PASSWORD)",
    "username of the Credential, or USER@ in the target",
    "types says",
    "write one target for each host of a network",
)
