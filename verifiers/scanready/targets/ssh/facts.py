"""The facts that a check over SSH states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, OS, PRODUCT, VERSION, Fact, Kind

_CLIENT = Fact("ssh_client", Kind.TEXT, "", "The version of the ssh client on this agent.", nullable=True)

_FACTS = (
    _CLIENT,
    PRODUCT,
    VERSION,
    OS,
    Fact("protocol", Kind.TEXT, "", "The version of SSH, as `2.0`.", "identification string"),
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
        "What the agent's ssh client and the server would agree on; the MAC is `implicit` where the cipher needs none.",
    ),
    Fact("predicted", Kind.FLAG, "", "False if that cannot be predicted."),
    AUTH_METHODS,
    Fact("passwordless", Kind.FLAG, "", "True if the server let the user in without a password."),
    Fact("host_key", Kind.TEXT, "", "The host key: its algorithm and fingerprint."),
    Fact("host_key_on_record", Kind.TEXT, "", "Whether known_hosts has it: `yes`, `no`, `other types`, `changed`."),
    Fact("login_banner", Kind.TEXT, "", "The text before the login.", "USERAUTH_BANNER"),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "unix": (
        *_FACTS,
        Fact("system", Kind.TEXT, "", "The system that the command ran on.", "uname"),
        Fact("temp_directory", Kind.TEXT, "path", "The directory that a scan can put its program into."),
    ),
    "ssh": (*_FACTS, Fact("path", Kind.TEXT, "path", "The path that was read over SFTP.")),
}

#: Stated of the ssh client on the agent, and of paramiko, by `scanready agent`.
AGENT_FACTS = (
    _CLIENT,
    Fact("kex", Kind.TEXTS, "", "The key exchange methods that the ssh client knows.", "ssh -Q kex"),
    Fact("host_key", Kind.TEXTS, "", "The host key algorithms that the ssh client knows.", "ssh -Q key"),
    Fact("cipher", Kind.TEXTS, "", "The ciphers that the ssh client knows.", "ssh -Q cipher"),
    Fact("mac", Kind.TEXTS, "", "The MACs that the ssh client knows.", "ssh -Q mac"),
    Fact("cannot", Kind.TEXTS, "", "Algorithms of old targets that the ssh client does not know."),
    Fact("paramiko_lacks", Kind.TEXTS, "", "Algorithms that the ssh client offers and paramiko does not know."),
)
