"""Exchange and Notes; mailboxes over IMAP are with the web."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Step

_ENDPOINT = "https://{host}:{port}/EWS/Exchange.asmx"
_NTLM = f"curl -vk --ntlm -u {{user}} {_ENDPOINT}   # asks for the password, and counts as one attempt"
_CLIENT_ALONE = "nothing: only a Notes client with its ID file can go on from here"

MAIL: dict[tuple[str, str], Exchange] = {
    ("ews", Step.TLS): Exchange(
        "a TLS hello with the server's name (SNI); its certificate was judged after the handshake",
        "openssl s_client -connect {host}:{port} -servername {host}",
    ),
    ("ews", Step.HANDSHAKE): Exchange(
        "GET of the endpoint and of the health page beside it, and of two more paths where neither showed Exchange",
        f"curl -vk {_ENDPOINT}",
    ),
    ("ews", Step.AUTH): Exchange(
        "NTLM's first message, which names nobody, where NTLM or Negotiate is offered; never its third",
        f"curl -vk {_ENDPOINT}   # look at WWW-Authenticate",
    ),
    ("ews", Step.LOGIN): Exchange("the account, once, with the scheme that the server offers, by exchangelib", _NTLM),
    ("ews", Step.ACCESS): Exchange("GetFolder of the inbox, then FindItem of one item's id", _NTLM),
    ("notes", Step.AGENT): Exchange("nothing: the places where a Notes client is installed were looked at"),
    ("notes", Step.HANDSHAKE): Exchange("a request for a session: 62 bytes that name nobody", "nc -vz {host} {port}"),
    ("notes", Step.AUTH): Exchange(_CLIENT_ALONE),
    ("notes", Step.LOGIN): Exchange(_CLIENT_ALONE),
    ("notes", Step.ACCESS): Exchange(_CLIENT_ALONE),
}
