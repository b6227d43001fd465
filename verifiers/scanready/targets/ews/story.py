"""Describe what a check of Exchange's web services sends on each step, with the curl lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange, Sent, when_read
from scanready.model import Step

_ENDPOINT = "https://{host}:{port}/EWS/Exchange.asmx"
_NTLM = f"curl -vk --ntlm -u {{user}} {_ENDPOINT}   # asks for the password, and counts as one attempt"

STORY: dict[str, dict[Step, Exchange]] = {
    "ews": {
        Step.TLS: Exchange(TLS_JUDGED, "openssl s_client -connect {host}:{port} -servername {host}"),
        Step.HANDSHAKE: Exchange(
            Sent(get="GET of the endpoint", glance="GET of pages beside it, which only Exchange has or lacks"),
            f"curl -vk {_ENDPOINT}",
        ),
        Step.AUTH: Exchange(
            Sent(
                "nothing more: the answer before lists the schemes",
                ntlm="NTLM's first message, without a user name; its third is never sent",
            ),
            f"curl -vk {_ENDPOINT}   # look at WWW-Authenticate",
        ),
        Step.LOGIN: Exchange("the account, once, with the scheme that the server offers, by exchangelib", _NTLM),
        Step.ACCESS: Exchange(when_read("GetFolder of the inbox, then FindItem of one item's id"), _NTLM),
    },
}
