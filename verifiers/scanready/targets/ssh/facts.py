"""Define the facts that a check over SSH records."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, OS, PRODUCT, VERSION, Fact, Kind

_CLIENT = Fact("ssh_client", Kind.TEXT, "", "The version of the ssh client on this agent.", nullable=True)

_FACTS = (
    _CLIENT,
    PRODUCT,
    VERSION,
    OS,
    Fact("protocol", Kind.TEXT, "", "The version of the SSH protocol, such as `2.0`.", "identification string"),
    Fact("preamble", Kind.TEXT, "", "The lines before the identification string."),
    Fact("kex", Kind.TEXTS, "", "The key exchange methods offered.", "KEXINIT kex_algorithms"),
    Fact(
        "host_key_algorithms", Kind.TEXTS, "", "The host key algorithms offered.", "KEXINIT server_host_key_algorithms"
    ),
    Fact("ciphers", Kind.TEXTS, "", "The ciphers offered.", "KEXINIT encryption_algorithms_server_to_client"),
    Fact("macs", Kind.TEXTS, "", "The MACs offered.", "KEXINIT mac_algorithms_server_to_client"),
    Fact("strict_kex", Kind.FLAG, "", "Whether the server offers strict key exchange.", "KEXINIT kex-strict-s-v00"),
    Fact(
        "predicted",
        Kind.MAP,
        "algorithm by slot",
        "The algorithms that the agent's ssh client and the server would agree on. The MAC is `implicit` if the "
        "cipher needs none.",
    ),
    Fact("predicted", Kind.FLAG, "", "False if the agreed algorithms cannot be predicted."),
    AUTH_METHODS,
    Fact("passwordless", Kind.FLAG, "", "True if the server let the user in without a password."),
    Fact("host_key", Kind.TEXT, "", "The host key: its algorithm and fingerprint."),
    Fact(
        "host_key_on_record",
        Kind.TEXT,
        "",
        "Whether known_hosts contains the host key: `yes`, `no`, `other types`, `changed`.",
    ),
    Fact("login_banner", Kind.TEXT, "", "The text that the server sends before the login.", "USERAUTH_BANNER"),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "unix": (
        *_FACTS,
        Fact("system", Kind.TEXT, "", "The system that the command ran on.", "uname"),
        Fact("temp_directory", Kind.TEXT, "path", "The directory in which a scan can store its program."),
    ),
    "ssh": (*_FACTS, Fact("path", Kind.TEXT, "path", "The path that was read over SFTP.")),
}

#: Recorded by `scanready agent` about the ssh client on the agent and about paramiko.
AGENT_FACTS = (
    _CLIENT,
    Fact("kex", Kind.TEXTS, "", "The key exchange methods that the ssh client supports.", "ssh -Q kex"),
    Fact("host_key", Kind.TEXTS, "", "The host key algorithms that the ssh client supports.", "ssh -Q key"),
    Fact("cipher", Kind.TEXTS, "", "The ciphers that the ssh client supports.", "ssh -Q cipher"),
    Fact("mac", Kind.TEXTS, "", "The MACs that the ssh client supports.", "ssh -Q mac"),
    Fact("cannot", Kind.TEXTS, "", "Algorithms of old targets that the ssh client does not support."),
    Fact("paramiko_lacks", Kind.TEXTS, "", "Algorithms that the ssh client offers but paramiko does not support."),
)
