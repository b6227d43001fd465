"""Read an SSH server's identification and KEXINIT, and predict whether the agent's own client can exchange keys.

The scanner logs in with the agent's ssh client. Its effective configuration and the server's KEXINIT are enough to
compute the negotiation of RFC 4253, 7.1: no login, no user name and no second connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanready.climb.probe import Probe, Rung
from scanready.model import Owner
from scanready.wire import ssh as wire

from . import causes, fixes
from . import client as openssh

# Broken or retired: SHA-1 and 1024-bit key exchange, SHA-1 and DSA host keys (RFC 9142; OpenSSH 8.8 and 7.0 release
# notes), CBC and RC4 ciphers (OpenSSH 6.7, RFC 8758), MD5 and truncated MACs. hmac-sha1 is still in every default.
_LEGACY = re.compile(
    r"diffie-hellman-.*-sha1$|ssh-rsa$|ssh-dss$|.*-cbc(@.*)?$|arcfour|hmac-md5|hmac-sha1-96|hmac-ripemd"
)
_PRODUCT = re.compile(r"(?P<product>.+?)[_/-]v?(?P<version>\d[\w.]*)")
_SYSTEMS = ("Debian", "Ubuntu", "Raspbian", "FreeBSD", "NetBSD", "Windows", "Sun", "Cisco", "ROSSSH")

#: Our KEXINIT in a talk that ends before any key exchange. It lists so many old and new algorithms that every server
#: has one in common, because sshd logs a failed negotiation. The agent's own client is judged by its own offer.
EVERYTHING = wire.offer(
    (
        "mlkem768x25519-sha256",
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group1-sha1",
    ),
    (
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-rsa",
        "ssh-dss",
    ),
    (
        "chacha20-poly1305@openssh.com",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-cbc",
        "aes192-cbc",
        "aes256-cbc",
        "3des-cbc",
        "blowfish-cbc",
        "arcfour",
    ),
    (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha1-etm@openssh.com",
        "umac-64-etm@openssh.com",
        "umac-128-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
        "hmac-sha1",
        "umac-64@openssh.com",
        "umac-128@openssh.com",
        "hmac-md5",
        "hmac-sha1-96",
    ),
)
#: OpenSSH's name for the MAC of an AEAD cipher.
IMPLICIT = "implicit"


def greeting_facts(greeting: wire.Identification) -> dict[str, Any]:
    """Return product, version and operating system from a greeting such as ``OpenSSH_9.2p1 Debian-2+deb12u10``."""
    named = _PRODUCT.fullmatch(greeting.software)
    product = (named["product"] if named else greeting.software).removesuffix("_for_Windows")
    facts: dict[str, Any] = {"product": product} if product else {}
    if named:
        facts["version"] = named["version"]
    hint = f"{greeting.comments} {greeting.software}"
    family = next((name for name in _SYSTEMS if name in hint), None)
    if family:
        facts["os"] = family
    if greeting.preamble:
        facts["preamble"] = " / ".join(greeting.preamble)[:500]
    return {**facts, "protocol": greeting.protocol}


def offer_facts(offer: wire.KexInit) -> dict[str, Any]:
    """Return the server's algorithms in its order of preference, without the ext-info and strict-kex markers."""
    return {
        "kex": [name for name in offer.kex if not name.startswith(("ext-info-", "kex-strict-"))],
        "host_key_algorithms": list(offer.host_keys),
        "ciphers": list(offer.ciphers_s2c),
        "macs": list(offer.macs_s2c),
        "strict_kex": offer.strict,
    }


def predict(
    probe: Probe, rung: Rung, client: openssh.Client | None, effective: openssh.Effective | None, offer: wire.KexInit
) -> None:
    """Record whether the agent's ssh client could exchange keys with this server."""
    if client is None or effective is None:
        rung.ok(
            "it cannot be predicted whether the agent's ssh client and the server share algorithms", predicted=False
        )
        return
    agreed = wire.common(effective.offer, offer)
    if agreed.missing:
        names = "; ".join(
            f"no common {slot.label}: the server offers only {', '.join(slot.theirs)[:300]}" for slot in agreed.missing
        )
        here = _for_client(probe, client, agreed.missing)
        there = _for_server(agreed.missing) if rung.check.facts.get("product") == fixes.OPENSSH else None
        also = ((Owner.AGENT, here),) if here else ()
        rung.stop(causes.NO_COMMON_ALGORITHM, names, there, also=also)
    used = {
        "kex": agreed.kex,
        "host_key": agreed.host_key,
        "cipher": agreed.cipher_c2s,
        "mac": agreed.mac_c2s or IMPLICIT,
    }
    rung.ok("the agent's ssh client and the server have algorithms in common", predicted=used)
    legacy = [f"{wire.KINDS[kind]} {name}" for kind, name in used.items() if name and _LEGACY.match(name)]
    if legacy:
        rung.warn(causes.LEGACY_ALGORITHMS, f"the agent's ssh client and the server agree on {', '.join(legacy)}")


def _for_client(probe: Probe, client: openssh.Client, missing: tuple[wire.Slot, ...]) -> str | None:
    """Return a section for the agent's ssh_config; None if its client supports nothing that the server offers."""
    known: dict[str, tuple[str, ...]] = {}
    for kind, slot in _configurable(missing):
        names = [name for name in slot.theirs if name in client.supported[kind]]
        if not names:
            return None
        known[kind] = tuple(dict.fromkeys((*known.get(kind, ()), *names)))
    return fixes.host_stanza(probe.host, known) if known else None


def _for_server(missing: tuple[wire.Slot, ...]) -> str | None:
    """Return lines for the server's sshd_config that add the agent's preferred algorithms."""
    return fixes.server_lines({kind: slot.ours[:3] for kind, slot in _configurable(missing)})


def _configurable(missing: tuple[wire.Slot, ...]) -> Iterator[tuple[str, wire.Slot]]:
    """Yield the kinds of algorithms that both configuration files can set; compression is always optional."""
    for slot in missing:
        kind = slot.name.removesuffix("_c2s").removesuffix("_s2c")
        if kind in fixes.OPTIONS:
            yield kind, slot
