"""Define the fixes for an IMAP server: rights of an account, settings of the server, and entries of the inventory."""

from __future__ import annotations

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import BRACKETED_HOST, PORTS, Place, name


def _string(text: str) -> str:
    """Quote a text as IMAP does (RFC 3501, 4.3): folders come in modified UTF-7, which is printable ASCII."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WRITE = name(_string)

GRANT_FOLDER = Fix(
    "SETACL {folder} {user} lr",
    at=on_target("in an IMAP session of the folder's owner"),
    folder=Place('"FOLDER"', _WRITE),
    user=Place('"USER"', _WRITE),
)
INSIDE_TLS = Fix("imaps://{host}:{port}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS)
IN_CLEAR = Fix("imap://{host}:{port}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS)
PERMIT_PASSWORDS = Fix(
    "ssl = yes  # with ssl_cert and ssl_key; or, without TLS: disable_plaintext_auth = no",
    at=on_target("in dovecot.conf (afterwards run doveadm reload)"),
)
