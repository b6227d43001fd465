"""Describe what a check of Exchange Web Services sends on each step, with the equivalent curl commands."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange, Sent, when_read
from scanready.model import Step

_ENDPOINT = "https://{host}:{port}/EWS/Exchange.asmx"
_NTLM = f"curl -vk --ntlm -u {{user}} {_ENDPOINT}   # asks for the password, and counts as one attempt"

STORY: dict[str, dict[Step, Exchange]] = {
    "ews": {
        Step.TLS: Exchange(TLS_JUDGED, "openssl s_client -connect {host}:{port} -servername {host}"),
        Step.HANDSHAKE: Exchange(
            Sent(get="GET of the endpoint", glance="GET of further pages to prove that it is Exchange"),
            f"curl -vk {_ENDPOINT}",
        ),
        Step.AUTH: Exchange(
            Sent(
                "nothing more: the previous answer lists the schemes",
                ntlm="NTLM's negotiate message (type 1), without a user name; type 3 is never sent",
            ),
            f"curl -vk {_ENDPOINT}   # look at WWW-Authenticate",
        ),
        Step.LOGIN: Exchange("the account's login, once, with a scheme that the server offers (exchangelib)", _NTLM),
        Step.ACCESS: Exchange(when_read("GetFolder of the inbox, then FindItem of one item's id"), _NTLM),
    },
}
