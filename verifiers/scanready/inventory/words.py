"""Say what to write instead, in the words of where it is written: a program, a command line or an inventory."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Words:
    """The ends of messages that depend on where a target was written.

    Attributes:
        password: what to do in place of a password in a target.
        secret: what to do in place of an option that is a secret.
        user: where the user name of an account goes.
        types: what the list of types is called.
        network: where a network goes.
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
    "a network goes in `hosts` of an inventory",
)
ON_COMMAND_LINE = Words(
    "give the user name only, and the password as --password-from env:NAME",
    "give the password as --password-from env:NAME",
    "--user, or USER@ in the target",
    "--type says",
    "a network goes in `hosts` of an inventory",
)
#: The same for a command that logs in nowhere.
WITHOUT_LOGIN = replace(
    ON_COMMAND_LINE, password="leave it out, nothing is logged in to", secret="leave it out, nothing is logged in to"
)
IN_PROGRAM = Words(
    "give the user name only, and the password in credential=Credential(NAME, USERNAME, PASSWORD)",
    "give the target a Credential(NAME, USERNAME, PASSWORD)",
    "username of the Credential, or USER@ in the target",
    "types says",
    "a network is as many targets as it has hosts",
)
