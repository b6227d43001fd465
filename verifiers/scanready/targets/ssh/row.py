"""Describe the target types over SSH: a Unix host, scanned without an installed agent, and a file share."""

from __future__ import annotations

from scanready.catalogue.option import USER, Option
from scanready.catalogue.row import Called, Cost, Driver, Group, Judge, Nmap, TargetType
from scanready.model import Step

_COST = Cost(
    1,
    2,
    login_attempts=1,
    log="sshd: one or two lines with scanready's disconnect text",
    shared=True,
    shared_login=True,
)
_DRIVERS = (Driver("paramiko", "paramiko", "ssh"),)
_KNOWN_HOSTS = Option("known_hosts")
#: Names of Unix systems, as they appear in inventories.
_SYSTEMS = (
    *("linux", "unix", "red hat", "redhat", "rhel", "centos", "rocky", "rockylinux", "alma", "almalinux", "fedora"),
    *("oraclelinux", "amzn", "ubuntu", "debian", "raspbian", "suse", "opensuse", "sles", "sled", "gentoo"),
    *("aix", "solaris", "sunos", "hp-ux", "hpux", "bsd", "freebsd", "openbsd", "netbsd"),
    *("macos", "mac os", "mac os x", "os x", "darwin"),
)

UNIX = TargetType(
    "unix",
    "Unix or Unix-like host, agentless",
    22,
    _COST,
    speaks="ssh",
    home=__package__,
    verifier="verify_unix",
    group=Group.HOSTS,
    place=2,
    server_first=True,
    options=(USER, Option("directory"), _KNOWN_HOSTS),
    steps=tuple(step for step in Step if step is not Step.TLS),
    takes_keys=True,
    guessed=True,
    drivers=_DRIVERS,
    nmap=Nmap(services=("ssh",)),
    called=Called(
        names=("linux", "ssh server", "rhel", "ubuntu", "debian", "centos", "solaris", "aix", "macos"),
        systems=_SYSTEMS,
        ansible=("ssh", "paramiko", "paramiko_ssh", "smart", ""),
        ansible_port=True,
    ),
    proven_by="OpenSSH, dropbear, Twisted Conch, npm's ssh2",
    judges=(
        Judge("OpenSSH", "server", "tests/lab/test_ssh.py"),
        Judge("dropbear", "server", "tests/peers/test_ssh.py"),
        Judge("conch", "server", "tests/peers/test_ssh.py"),
        Judge("ssh2", "server", "tests/peers/test_ssh.py"),
        Judge("tinyssh", "server", "tests/peers/test_ssh.py"),
    ),
)

SSH = TargetType(
    "ssh",
    "SSH file share",
    22,
    _COST,
    speaks="ssh",
    home=__package__,
    verifier="verify_ssh",
    group=Group.STORAGE,
    place=2,
    server_first=True,
    path="path",
    options=(Option("path", tree=True, rooted=True), USER, _KNOWN_HOSTS),
    steps=tuple(step for step in Step if step is not Step.TLS),
    takes_keys=True,
    guessed=True,
    drivers=_DRIVERS,
    called=Called(names=("sftp", "scp")),
    proven_by="OpenSSH, dropbear, ProFTPD's mod_sftp",
    judges=(
        Judge("OpenSSH", "server", "tests/lab/test_ssh.py"),
        Judge("dropbear", "server", "tests/peers/test_ssh.py"),
        Judge("proftpd", "server", "tests/peers/test_ssh.py"),
    ),
)
