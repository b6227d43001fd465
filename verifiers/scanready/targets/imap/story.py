"""Describe what a check of mailboxes sends on each step, with the curl lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import JUDGED, OPENSSL, TLS_JUDGED, Exchange, Sent, when_read
from scanready.model import Step

_CURL = "curl -vk --ssl-reqd -u {user} {url}   # asks for the password, and counts as one attempt"


def _steps(encrypting: Sent) -> dict[Step, Exchange]:
    return {
        Step.TLS: Exchange(encrypting, OPENSSL),
        Step.HANDSHAKE: Exchange(
            Sent("nothing: the server speaks first, and its greeting tells the rest", capability="CAPABILITY"),
            "curl -vk {url} -X CAPABILITY",
        ),
        Step.AUTH: Exchange(
            Sent("nothing more: the answer before still counts", capability="CAPABILITY"),
            "curl -vk --ssl {url} -X CAPABILITY",
        ),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _CURL),
        Step.ACCESS: Exchange(when_read("EXAMINE of a folder, and the date of one message; no flag changes"), _CURL),
    }


STORY: dict[str, dict[Step, Exchange]] = {
    "imap": _steps(Sent(starttls="STARTTLS", **JUDGED)),
    "imaps": _steps(TLS_JUDGED),
}
