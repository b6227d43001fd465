"""Name the server in a REFERRAL: at the greeting or the login (RFC 2221), or for a folder (RFC 2193).

Nothing is sent to that server: the credential is for the target's own addresses, and any peer could name a host.
"""

from __future__ import annotations

import ipaddress
import re

from scanready.climb.explain import Failure
from scanready.climb.peers_word import special
from scanready.wire.imap import referred_to
from scanready.wire.printable import printable

from . import causes, fixes

#: The response code in a server's text.
_IN_WORDS = re.compile(r"\[REFERRAL ([^\]]*)\]", re.IGNORECASE)
#: The ports of IMAP's two types (RFC 8314, 7).
_IN_CLEAR, _IN_TLS = 143, 993


def referral(argument: str, words: str, *, tls: bool) -> Failure:
    """Return the failure of a server that refers to another one.

    Args:
        argument: the argument of the response code.
        words: the server's text, for the detail.
        tls: whether the target's type uses TLS from the first byte; the entry for the inventory has the same type.
    """
    found = referred_to(argument)
    if found is None:
        return Failure(causes.REFERRED, f"{words}; the referral names no IMAP server")
    host, port = found
    detail = f"{words}; the other server is {printable(host)}" + (f", port {port}" if port else "")
    if _special(host):
        return Failure(causes.REFERRED, f"{detail}, {_special(host)}")
    entry = fixes.INSIDE_TLS if tls else fixes.IN_CLEAR
    return Failure(causes.REFERRED, detail, entry(host=host, port=port or (_IN_TLS if tls else _IN_CLEAR)))


def in_words(text: str, *, tls: bool) -> Failure | None:
    """Return the failure for a referral in a server's text, as imaplib shows it; None if there is none."""
    found = _IN_WORDS.search(text)
    return referral(found[1], printable(text), tls=tls) if found else None


def _special(host: str) -> str:
    """Describe an address to which no referral may lead; empty for any other address and for names."""
    try:
        return special(str(ipaddress.ip_address(host)))
    except ValueError:
        return ""
