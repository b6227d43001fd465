"""Causes that only SSH can give: the talk itself, the account, the command a scan runs, the files it reads."""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Step

_BY_HAND = "On the agent: ssh -v -p {port} {user}@{host} true"
_SFTP_BY_HAND = "On the agent: sftp -P {port} {user}@{host}"

# the talk ---------------------------------------------------------------------------------------------------------

VERSION_1 = Cause(
    "ssh.version-1",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks only version 1 of the protocol, which no current client speaks any more.",
    "Enable SSH 2 on the target, or upgrade it.",
    "On the agent: nc {host} {port}   # the first line says SSH-1.5",
)
CANNOT_SERVE = Cause(
    "ssh.server-misconfigured",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The SSH server starts for each connection and gives up at once, for a fault in its own installation: it cannot "
    "load its host keys, or lacks a directory or user of its own. The detail has its words.",
    "On the target: sshd -t names the fault; ssh-keygen -A makes missing host keys; the keys must belong to root and "
    "be readable by root only; /run/sshd must exist.",
    "On the target: sshd -t; journalctl -u ssh",
)
DISCONNECTED = Cause(
    "ssh.disconnected",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server ended the connection before any key exchange, and said why.",
    "See the detail for the server's own words.",
    "On the agent: ssh -v -p {port} {host}",
)
NO_COMMON_ALGORITHM = Cause(
    "ssh.no-common-algorithm",
    Owner.SERVER,
    Step.HANDSHAKE,
    "This agent's ssh client and the server have no algorithm in common, so no login can ever begin.",
    "Enable an algorithm that the agent's client offers (as in the fix if there is one), or upgrade it.",
    "On the agent: ssh -v -p {port} {host}   # it ends with 'Unable to negotiate ...'",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Let the agent's ssh client offer to this server what it has, as in the fix; where there is no fix, the "
            "client does not know it, and one of another version may.",
        ),
    ),
)
LEGACY_ALGORITHMS = Cause(
    "ssh.legacy-algorithms",
    Owner.SERVER,
    Step.HANDSHAKE,
    "All that this agent's ssh client and the server have in common is broken or retired cryptography; "
    "the next update of the client may end it.",
    "Enable current algorithms on the server, or upgrade it.",
    "On the agent: ssh -v -p {port} {host}   # lines 'kex: algorithm', 'kex: host key algorithm'",
)

# the account ------------------------------------------------------------------------------------------------------

METHOD_NOT_OFFERED = Cause(
    "ssh.method-not-offered",
    Owner.SERVER,
    Step.AUTH,
    "The server does not let this user log in by the means the credential has (a password or a key).",
    "Permit the method for the scan account as in the fix, or give the credential what the server asks for.",
    "On the agent: ssh -v -o PreferredAuthentications=none -p {port} {user}@{host}   "
    "(the line 'Authentications that can continue')",
)
MORE_FACTORS = Cause(
    "ssh.more-factors",
    Owner.SERVER,
    Step.LOGIN,
    "The server asks for another factor, such as a code or a token, in place of the password or beside what the "
    "credential has; a scanner cannot answer that.",
    "Exempt the scan account, from this agent's address, from the second factor.",
    _BY_HAND,
)
KEY_UNUSABLE = Cause(
    "ssh.key-unusable",
    Owner.OPERATOR,
    Step.LOGIN,
    "The credential's private key cannot be used: no such file, another format, or a wrong or missing passphrase. "
    "Nothing was tried at the target.",
    "Correct the key file or its passphrase in the inventory.",
    "On the agent: ssh-keygen -y -f KEYFILE",
)
HOST_KEY_CHANGED = Cause(
    "ssh.host-key-changed",
    Owner.SERVER,
    Step.LOGIN,
    "The server's host key is not the one this agent has on record: a rebuilt host, a cluster address, or somebody "
    "in between. Neither we nor the agent's ssh client send a password to such a host.",
    "Compare the fingerprint of the detail with the server's own, and say whether it is the right one.",
    "On the target: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Remove the key on record, as the fix does, once the server's administrator has confirmed the fingerprint.",
        ),
    ),
)
ACCOUNT_BARRED = Cause(
    "ssh.account-barred",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server ended the connection at the login instead of answering it: the account is kept out by its "
    "account rules (pam_access, time limits, an expired account).",
    "Permit the scan account from this agent's address in the target's account rules.",
    "On the target: the authentication log (journalctl -u ssh, /var/log/auth.log, /var/log/secure) at that time.",
    may_count=True,
)

# the command ------------------------------------------------------------------------------------------------------

COMMAND_REFUSED = Cause(
    "ssh.command-refused",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account cannot run a command: the session or the command was refused, or no shell ran.",
    "Give the scan account a login shell and permit it sessions on the target.",
    _BY_HAND,
)
SFTP_ONLY = Cause(
    "ssh.sftp-only",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account may only transfer files; an agentless scan runs a program on the target.",
    "Exempt the scan account from ForceCommand internal-sftp, or scan the host as an SSH file share.",
    _BY_HAND,
)
NOLOGIN = Cause(
    "ssh.nologin",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account's shell turns it away (nologin), or the host is closed for logins.",
    "Give the scan account a login shell (chsh), or remove /etc/nologin.",
    "On the target: getent passwd {user}; ls /etc/nologin",
)
FORCED_COMMAND = Cause(
    "ssh.forced-command",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but something else than our command ran: a ForceCommand, a command= in authorized_keys, "
    "a menu or a restricted shell.",
    "Exempt the scan account from the forced command.",
    _BY_HAND,
)
TEMP_NOT_WRITABLE = Cause(
    "unix.temp-not-writable",
    Owner.SERVER,
    Step.ACCESS,
    "The account cannot write to the directory for temporary files, where an agentless scan puts its program.",
    "Make the directory writable for the scan account.",
    "On the target, as the scan account: test -w DIRECTORY && echo writable",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name a directory elsewhere, with the option `directory`, and set the same one in the scanner.",
        ),
    ),
)
TEMP_NOEXEC = Cause(
    "unix.temp-noexec",
    Owner.SERVER,
    Step.ACCESS,
    "The directory for temporary files is mounted noexec: the program an agentless scan puts there cannot start.",
    "Mount it with exec, as in the fix.",
    "On the target: findmnt -no OPTIONS -T DIRECTORY",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name a directory elsewhere, with the option `directory`, and set the same one in the scanner.",
        ),
    ),
)
TEMP_FULL = Cause(
    "unix.temp-full",
    Owner.SERVER,
    Step.ACCESS,
    "The directory for temporary files has hardly any space left for an agentless scan's program and its results.",
    "Free some space there.",
    "On the target: df -Pk DIRECTORY",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name a directory elsewhere, with the option `directory`, and set the same one in the scanner.",
        ),
    ),
)

# the files --------------------------------------------------------------------------------------------------------

SFTP_FAILED = Cause(
    "ssh.sftp-failed",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, and the SFTP server answers the read with a failure that has no reason: neither that the account "
    "may not read, nor that the path does not exist.",
    "Look at the SFTP server's log at that time (in sshd_config: `Subsystem sftp internal-sftp -l VERBOSE`).",
    _SFTP_BY_HAND,
    definite=False,
)
NO_SFTP = Cause(
    "ssh.no-sftp",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the server offers no file transfer: it has no SFTP subsystem for this account.",
    "Switch the subsystem on as in the fix, and let no forced command or login script stand before it.",
    _SFTP_BY_HAND,
)


#: Words of servers, in plain text in place of their identification or in a DISCONNECT before the key exchange.
_WORDS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (
        re.compile(
            r"could not load host key|no host ?keys? available|unprotected private key|privilege separation|"
            r"error while loading shared libraries",
            re.IGNORECASE,
        ),
        CANNOT_SERVE,
    ),
    (
        re.compile(
            r"(?:connection|session|client)s? limit|too many (?:connections|sessions|clients|users|logins)|"
            r"max(?:imum)? (?:number of )?(?:concurrent )?(?:connections|sessions|clients|users|logins)|"
            r"no more (?:connections|sessions)|(?:rate|limit) exceeded|try again later|\block ?out\b|"
            r"\b(?:vtys?|lines?|server|ports?)\b.{0,20}\b(?:busy|in use)\b",
            re.IGNORECASE,
        ),
        common.THROTTLED,
    ),
)


def by_words(text: str) -> Cause | None:
    """Return the cause that a server's own words give, None if they give none."""
    return next((cause for words, cause in _WORDS if words.search(text)), None)
