"""Describe what a check of mailboxes sends on each step, with the equivalent curl commands."""

from __future__ import annotations

from scanready.catalogue.exchange import JUDGED, OPENSSL, TLS_JUDGED, Exchange, Sent, when_read
from scanready.model import Step

_CURL = "curl -vk --ssl-reqd -u {user} {url}   # asks for the password, and counts as one attempt"


def _steps(encrypting: Sent) -> dict[Step, Exchange]:
    return {
        Step.TLS: Exchange(encrypting, OPENSSL),
        Step.HANDSHAKE: Exchange(
            Sent("nothing: the server sends its greeting first, with its capabilities", capability="CAPABILITY"),
            "curl -vk {url} -X CAPABILITY",
        ),
        Step.AUTH: Exchange(
            Sent("nothing more: the capabilities from the previous step are still valid", capability="CAPABILITY"),
            "curl -vk --ssl {url} -X CAPABILITY",
        ),
        Step.LOGIN: Exchange("the account's login, once, on a separate connection", _CURL),
        Step.ACCESS: Exchange(
            when_read("EXAMINE of a folder, and FETCH of one message's date; no flag changes"), _CURL
        ),
    }


STORY: dict[str, dict[Step, Exchange]] = {
    "imap": _steps(Sent(starttls="STARTTLS", **JUDGED)),
    "imaps": _steps(TLS_JUDGED),
}
