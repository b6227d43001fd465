"""Name the server that a REFERRAL leads to: at the greeting or the login (RFC 2221), or for a folder (RFC 2193).

Nothing is sent there: the credential is for the target's own addresses, and a referral is a peer's word.
"""

from __future__ import annotations

import ipaddress
import re

from scanready.climb.explain import Failure
from scanready.climb.peers_word import special
from scanready.wire.imap import referred_to
from scanready.wire.printable import printable

from . import causes, fixes

#: The code as it stands in a server's words.
_IN_WORDS = re.compile(r"\[REFERRAL ([^\]]*)\]", re.IGNORECASE)
#: The ports of IMAP's two types (RFC 8314, 7).
_IN_CLEAR, _IN_TLS = 143, 993


def referral(argument: str, words: str, *, tls: bool) -> Failure:
    """Return the failure of a server that names another one in its place.

    Args:
        argument: what the response code says after its name.
        words: the server's words, for the detail.
        tls: whether the target's type has TLS from the first byte; the entry for the inventory is of that type.
    """
    found = referred_to(argument)
    if found is None:
        return Failure(causes.REFERRED, f"{words}; the referral names no server of IMAP")
    host, port = found
    detail = f"{words}; the other server is {printable(host)}" + (f", port {port}" if port else "")
    if _special(host):
        return Failure(causes.REFERRED, f"{detail}, {_special(host)}")
    entry = fixes.INSIDE_TLS if tls else fixes.IN_CLEAR
    return Failure(causes.REFERRED, detail, entry(host=host, port=port or (_IN_TLS if tls else _IN_CLEAR)))


def in_words(text: str, *, tls: bool) -> Failure | None:
    """Return the failure of a server whose words, as imaplib shows them, have a referral; None if they have none."""
    found = _IN_WORDS.search(text)
    return referral(found[1], printable(text), tls=tls) if found else None


def _special(host: str) -> str:
    """Say what an address is that no other host's word may lead to; empty for all others and for names."""
    try:
        return special(str(ipaddress.ip_address(host)))
    except ValueError:
        return ""
