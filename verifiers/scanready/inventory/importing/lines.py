"""Lists with a host a line: hosts.txt (hosts, networks or targets as on the command line) and /etc/hosts."""

from __future__ import annotations

import ipaddress
import re

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.problems import InventoryError, Problem
from scanready.inventory.targets import in_other_notation, read_target
from scanready.net.hosts import network, refuse_range
from scanready.run.target_name import ANY

from .found import Entry, Imported, host_and_its_port, host_of, unrevealing
from .source import Source

_LONGEST, _LONGEST_USER = 4096, 100
#: Names of an address that a comment repeats.
_MOST_NAMES = 20
#: Names that every machine has for itself and its links.
LOCAL_NAMES = frozenset(
    {
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost6",
        "ip6-localhost",
        "ip6-loopback",
        "broadcasthost",
        "ip6-localnet",
        "ip6-mcastprefix",
        "ip6-allnodes",
        "ip6-allrouters",
    }
)


def looks_like_etc_hosts(text: str) -> bool:
    """Return True if every line, except blank ones and comments, is an address followed by a name."""
    lines = [line.partition("#")[0].split() for line in text[:65536].splitlines()[:200]]
    entries = [words for words in lines if words]
    complete = entries[:-1] or entries
    return bool(entries) and all(len(words) > 1 and _address(words[0]) is not None for words in complete)


def read_hosts(source: Source) -> Imported:
    """Read one host, ``host:port``, network or target URL a line; ``#`` begins a comment.

    Raises:
        InventoryError: nothing in it is a host.
    """
    found = Imported("hosts", source.file)
    for number, line in enumerate(source.lines(), 1):
        text = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if not text:
            continue
        try:
            refuse_range(text)
        except Wrong as wrong:
            found.leave(number, text, "; ".join(wrong.messages))
            continue
        if len(text) > _LONGEST or len(text.split(maxsplit=1)) > 1:
            found.leave(number, text.split(maxsplit=1)[0], "the line has more than one word: write one host per line")
            continue
        try:
            found.add(_entry(found, text, number))
        except Wrong as wrong:
            found.leave(number, text, "; ".join(wrong.messages))
    if not found.entries and found.skipped and not source.data.isascii():
        known = (
            "unrecognised file: expected nmap XML, Ansible JSON, a CSV with a column of hosts, or one host per line; "
            "--from forces a format"
        )
        raise InventoryError([Problem(known, source.file)])
    return found


def _of_url(found: Imported, text: str, line: int) -> Entry:
    """Read a target as on the command line; its user becomes a credential of that name, without a secret."""
    target = read_target(text, options={})[0]
    options = {name: str(value) for name, value in target.options.items()}
    type_ = "" if text.partition("://")[0].lower() == ANY else target.type
    user = target.credential.username if target.credential else ""
    if user and (not user.isprintable() or len(user) > _LONGEST_USER):
        raise Wrong("its user name is invalid: write it as a credential of the inventory")
    credential = found.account(user, user, line) if user else ""
    port = target.port if target.explicit_port else None
    return Entry(target.host, line, type_, port, options if type_ else {}, credential)


def _entry(found: Imported, text: str, line: int) -> Entry:
    if "://" in text:
        return _of_url(found, text, line)
    if "/" in text and not in_other_notation(text):
        return Entry(str(network(text, allow_large=False)), line, network=True)
    host, port = host_and_its_port(text)
    return Entry(host, line, port=port)


def read_etc_hosts(source: Source) -> Imported:
    """Read /etc/hosts: an address, its name, and further names."""
    found = Imported("etc-hosts", source.file)
    for number, line in enumerate(source.lines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        address, names = _address(words[0]), words[1:]
        if address is None or not names:
            found.leave(number, line.strip(), "the line is not an address and a name")
        elif address.is_loopback or address.is_multicast or address.is_unspecified or names[0] in LOCAL_NAMES:
            found.leave(number, names[0], "it is this machine itself, or an address that cannot be scanned")
        else:
            try:
                host = host_of(names[0])
            except Wrong as wrong:
                found.leave(number, names[0], "; ".join(wrong.messages))
                continue
            also = " ".join(map(unrevealing, names[1:_MOST_NAMES]))
            about = f"{address}{f', also {shown(also)}' if also else ''}"
            found.add(Entry(host, number, about=about))
    return found


def _address(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None
