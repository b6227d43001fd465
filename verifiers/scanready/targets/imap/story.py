"""Describe what a check of mailboxes sends on each step, with the curl lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import OPENSSL, TLS_JUDGED, Exchange
from scanready.model import Step

_CURL = "curl -vk --ssl-reqd -u {user} {url}   # asks for the password, and counts as one attempt"


def _steps(encrypting: str) -> dict[Step, Exchange]:
    return {
        Step.TLS: Exchange(encrypting, OPENSSL),
        Step.HANDSHAKE: Exchange(
            "CAPABILITY, unless the greeting told it; the server speaks first", "curl -vk {url} -X CAPABILITY"
        ),
        Step.AUTH: Exchange("CAPABILITY, where what was told no longer counts", "curl -vk --ssl {url} -X CAPABILITY"),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _CURL),
        Step.ACCESS: Exchange("EXAMINE of a folder, and the date of one message; no flag changes", _CURL),
    }


STORY: dict[str, dict[Step, Exchange]] = {
    "imap": _steps(f"STARTTLS, then {TLS_JUDGED}"),
    "imaps": _steps(TLS_JUDGED),
}
