"""Define the causes of SSH targets: the handshake, the account, the command that a scan runs, the files it reads."""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_LOG_IN = "On the agent: ssh -v -p {port} {user}@{host} true"
_SFTP = "On the agent: sftp -P {port} {user}@{host}"

# the handshake ----------------------------------------------------------------------------------------------------

VERSION_1 = Cause(
    "ssh.version-1",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server supports only version 1 of the SSH protocol. Current clients no longer support that version.",
    "Enable SSH 2 on the target, or upgrade its SSH server.",
    "On the agent: nc {host} {port}   # the first line begins with SSH-1.5",
    wire="The server's identification string begins with SSH-1 (not SSH-2.0 or SSH-1.99), or the server answers the "
    'agent\'s "SSH-2.0-" line with the text "Protocol major versions differ".',
)
CANNOT_SERVE = Cause(
    "ssh.server-misconfigured",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The SSH server accepts the connection and then exits because its own installation is broken. For example, it "
    "cannot load its host keys, or its privilege separation user or directory is missing. The detail quotes the "
    "server's error.",
    "On the target: run `sshd -t` to see the error. Run `ssh-keygen -A` to create missing host keys. The private keys "
    "must belong to root and be readable only by root, and the directory /run/sshd must exist.",
    "On the target: sshd -t; journalctl -u ssh",
    wire="After the TCP handshake the server sends its error as plain text or in an SSH_MSG_DISCONNECT, and closes the "
    "connection before the key exchange.",
)
DISCONNECTED = Cause(
    "ssh.disconnected",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server disconnected before the key exchange and gave a reason. The detail quotes it.",
    "Resolve the reason that the server gives in the detail.",
    "On the agent: ssh -v -p {port} {host}",
    wire="After the identification strings, the server sends SSH_MSG_DISCONNECT where SSH_MSG_KEXINIT is expected.",
)
NO_COMMON_ALGORITHM = Cause(
    "ssh.no-common-algorithm",
    Owner.SERVER,
    Step.HANDSHAKE,
    "This agent's ssh client and the server have no algorithm in common, so no login can begin.",
    "On the server, enable an algorithm that the agent's ssh client offers (see the fix, if there is one), or "
    "upgrade the server.",
    "On the agent: ssh -v -p {port} {host}   # it ends with 'Unable to negotiate ...'",
    also=(
        OtherOwner(
            Owner.AGENT,
            "For each kind of algorithm that the detail names, enable in the agent's ssh_config one that the server "
            "offers (see the fix), or install an ssh client that supports one.",
        ),
    ),
    wire="Both sides send SSH_MSG_KEXINIT. At least one list of the server (key exchange, host key, cipher or MAC) "
    "shares no name with the list of the agent's ssh client.",
)
LEGACY_ALGORITHMS = Cause(
    "ssh.legacy-algorithms",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server and this agent's ssh client agree only on broken or retired algorithms. "
    "The next update of the client may remove them.",
    "Enable current algorithms on the server, or upgrade it.",
    "On the agent: ssh -v -p {port} {host}   # lines 'kex: algorithm', 'kex: host key algorithm'",
    wire="The first algorithms that both sides list in SSH_MSG_KEXINIT include retired ones, such as "
    "diffie-hellman-group1-sha1, ssh-rsa, a CBC cipher or hmac-md5.",
)

# the account ------------------------------------------------------------------------------------------------------

METHOD_NOT_OFFERED = Cause(
    "ssh.method-not-offered",
    Owner.SERVER,
    Step.AUTH,
    "The server does not allow this user to log in with the kind of secret that the credential holds (a password or a "
    "key).",
    "Permit the authentication method for the scan account (see the fix).",
    "On the agent: ssh -v -o PreferredAuthentications=none -p {port} {user}@{host}   "
    "(the line 'Authentications that can continue')",
    wire="Encrypted. The server answers SSH_MSG_USERAUTH_REQUEST (method none) with an SSH_MSG_USERAUTH_FAILURE "
    "whose list does not contain the credential's method; no password or signature is sent.",
    also=(
        OtherOwner(
            Owner.OPERATOR, "Add the kind of secret that the server accepts (a password or a key) to the credential."
        ),
    ),
)
MORE_FACTORS = Cause(
    "ssh.more-factors",
    Owner.SERVER,
    Step.LOGIN,
    "The server requires a further factor, such as a code or a token, in place of or in addition to the credential. "
    "A scanner cannot supply it.",
    "Exempt the scan account from the second factor for logins from this agent's address.",
    _LOG_IN,
    wire="Encrypted. The server answers the login with SSH_MSG_USERAUTH_FAILURE (partial success), or asks for a "
    "code in SSH_MSG_USERAUTH_INFO_REQUEST, and the agent sends SSH_MSG_DISCONNECT.",
)
KEY_UNUSABLE = Cause(
    "ssh.key-unusable",
    Owner.OPERATOR,
    Step.LOGIN,
    "The credential's private key cannot be loaded: the file does not exist, has another format, or the passphrase is "
    "wrong or missing. No login was attempted.",
    "Correct the key file or its passphrase in the inventory.",
    "On the agent: ssh-keygen -y -f KEYFILE",
    wire="Nothing is sent for the login: the key file is read on the agent before the login connection is opened.",
)
HOST_KEY_CHANGED = Cause(
    "ssh.host-key-changed",
    Owner.SERVER,
    Step.LOGIN,
    "The server's host key differs from the one in this agent's known_hosts. The host was rebuilt, the address "
    "belongs to a cluster, or the connection is intercepted. Neither scanready nor the agent's ssh client sends a "
    "password to such a host.",
    "Compare the fingerprint in the detail with the server's own, and confirm whether it is correct.",
    "On the target: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
    scoped=Scope.AGENT,
    also=(
        OtherOwner(
            Owner.AGENT,
            "Wait until the server's administrator confirms the fingerprint, then remove the old key from known_hosts "
            "(see the fix).",
        ),
    ),
    wire="The server's key exchange reply (SSH_MSG_KEX_ECDH_REPLY or SSH_MSG_KEXDH_REPLY) carries a host key other "
    "than the one in known_hosts; no password follows.",
)
HOST_KEY_UNKNOWN = Cause(
    "ssh.host-key-unknown",
    Owner.AGENT,
    Step.LOGIN,
    "The agent's ssh client connects only to hosts whose key it knows (StrictHostKeyChecking yes), and it does not "
    "know this server's. A scan with this client fails.",
    "Compare the fingerprint in the detail with the server's own, then add the key to known_hosts (see the fix).",
    "On the agent: ssh -o BatchMode=yes -p {port} {host} true   # prints: Host key verification failed.",
    wire="The agent's ssh client disconnects after the server's key exchange reply; no password follows.",
)
ACCOUNT_BARRED = Cause(
    "ssh.account-barred",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server closed the connection during the login instead of answering. Its account rules do not allow this "
    "account (pam_access, time limits, an expired account).",
    "Permit the scan account from this agent's address in the target's account rules.",
    "On the target: read the authentication log for that time (journalctl -u ssh, /var/log/auth.log, /var/log/secure).",
    may_count=True,
    wire="Encrypted. After the SSH_MSG_USERAUTH_REQUEST with the secret, the server closes the connection or sends "
    "SSH_MSG_DISCONNECT, without SSH_MSG_USERAUTH_SUCCESS or SSH_MSG_USERAUTH_FAILURE.",
)

# the command ------------------------------------------------------------------------------------------------------

COMMAND_REFUSED = Cause(
    "ssh.command-refused",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account cannot run a command: the server refused the session or the command, or "
    "started no shell.",
    "Give the scan account a login shell and allow it to open sessions on the target.",
    _LOG_IN,
    wire="Encrypted. After the login, the server answers with SSH_MSG_CHANNEL_OPEN_FAILURE or "
    "SSH_MSG_CHANNEL_FAILURE, or the command ends with an error status and without the expected output.",
)
SFTP_ONLY = Cause(
    "ssh.sftp-only",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account may only transfer files. An agentless scan must run a program on the target.",
    "Exempt the scan account from ForceCommand internal-sftp.",
    _LOG_IN,
    wire='Encrypted. The channel answers the exec request with a text such as "This service allows sftp '
    "connections only\" in place of the command's output.",
    also=(OtherOwner(Owner.OPERATOR, "Scan the host as an SSH file share: change the target to type ssh."),),
)
NOLOGIN = Cause(
    "ssh.nologin",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account's shell is nologin, or the host is closed for logins.",
    "Give the scan account a login shell (chsh), or remove /etc/nologin.",
    "On the target: getent passwd {user}; ls /etc/nologin",
    wire='Encrypted. The channel answers the exec request with a text such as "This account is currently not '
    "available\" in place of the command's output.",
)
FORCED_COMMAND = Cause(
    "ssh.forced-command",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the server ran another command instead of ours: a ForceCommand, a command= in "
    "authorized_keys, a menu or a restricted shell.",
    "Exempt the scan account from the forced command.",
    _LOG_IN,
    wire="Encrypted. The server accepts the exec request, but the channel carries the output of another program.",
)
TEMP_NOT_WRITABLE = Cause(
    "unix.temp-not-writable",
    Owner.SERVER,
    Step.ACCESS,
    "The account cannot write to the directory for temporary files. An agentless scan stores its program there.",
    "Make the directory writable for the scan account.",
    "On the target, as the scan account: test -w DIRECTORY && echo writable",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name another directory with the option `directory`, and set the same one in the scanner.",
        ),
    ),
    wire="Nothing unusual: the encrypted output of the command reports that the directory is missing or not writable.",
)
TEMP_NOEXEC = Cause(
    "unix.temp-noexec",
    Owner.SERVER,
    Step.ACCESS,
    "The directory for temporary files is mounted noexec, so the program that an agentless scan stores there "
    "cannot start.",
    "Mount the file system with exec (see the fix).",
    "On the target: findmnt -no OPTIONS -T DIRECTORY",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name another directory with the option `directory`, and set the same one in the scanner.",
        ),
    ),
    wire="Nothing unusual: the encrypted output of the command contains the mount option noexec.",
)
TEMP_FULL = Cause(
    "unix.temp-full",
    Owner.SERVER,
    Step.ACCESS,
    "The directory for temporary files has too little free space for an agentless scan's program and its results.",
    "Free some space in that directory.",
    "On the target: df -Pk DIRECTORY",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Name another directory with the option `directory`, and set the same one in the scanner.",
        ),
    ),
    wire="Nothing unusual: the encrypted output of the command contains the free space of the directory.",
)

# the files --------------------------------------------------------------------------------------------------------

SFTP_FAILED = Cause(
    "ssh.sftp-failed",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the SFTP server answers the read with a general failure. The failure does not say whether "
    "the account lacks permission or the path does not exist.",
    "Check the SFTP server's log at that time (in sshd_config: `Subsystem sftp internal-sftp -l VERBOSE`).",
    _SFTP,
    definite=False,
    wire="Encrypted. The server answers an SFTP request with an SSH_FXP_STATUS other than SSH_FX_NO_SUCH_FILE and "
    "SSH_FX_PERMISSION_DENIED, usually SSH_FX_FAILURE.",
)
NO_SFTP = Cause(
    "ssh.no-sftp",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the SFTP subsystem does not start for this account.",
    "Enable the SFTP subsystem (see the fix). Remove any forced command or login script that runs before it.",
    _SFTP,
    wire="Encrypted. The server answers the channel request subsystem sftp with SSH_MSG_CHANNEL_FAILURE, closes "
    "the channel, or sends data that is not an SSH_FXP_VERSION.",
)


#: Servers' error texts, sent as plain text in place of an identification string or in a DISCONNECT before the key
#: exchange.
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
            r"\b(?:vtys?|lines?|server|ports?)\b.{0,20}\b(?:busy|in use)\b|"
            r"\b(?:ip|address|host|you)\b.{0,20}\b(?:blocked|banned|black ?listed)\b|\b(?:blocked|banned) for \d",
            re.IGNORECASE,
        ),
        common.THROTTLED,
    ),
)


def by_words(text: str) -> Cause | None:
    """Return the cause for a server's error text; None if the text matches none."""
    return next((cause for pattern, cause in _WORDS if pattern.search(text)), None)
