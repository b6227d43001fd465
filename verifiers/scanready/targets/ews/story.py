"""Describe what a check of Exchange's web services sends on each step, with the curl lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange
from scanready.model import Step

_ENDPOINT = "https://{host}:{port}/EWS/Exchange.asmx"
_NTLM = f"curl -vk --ntlm -u {{user}} {_ENDPOINT}   # asks for the password, and counts as one attempt"

STORY: dict[str, dict[Step, Exchange]] = {
    "ews": {
        Step.TLS: Exchange(TLS_JUDGED, "openssl s_client -connect {host}:{port} -servername {host}"),
        Step.HANDSHAKE: Exchange(
            "GET of the endpoint and of the health page beside it, and of two more paths where neither showed Exchange",
            f"curl -vk {_ENDPOINT}",
        ),
        Step.AUTH: Exchange(
            "NTLM's first message, which names nobody, where NTLM or Negotiate is offered; never its third",
            f"curl -vk {_ENDPOINT}   # look at WWW-Authenticate",
        ),
        Step.LOGIN: Exchange("the account, once, with the scheme that the server offers, by exchangelib", _NTLM),
        Step.ACCESS: Exchange("GetFolder of the inbox, then FindItem of one item's id", _NTLM),
    },
}
