"""Describe what a check of Notes or Domino sends on each step, with the line that asks the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent
from scanready.model import Step

_CLIENT_ALONE = Exchange("nothing: only a Notes client with its ID file can go on from here")

STORY: dict[str, dict[Step, Exchange]] = {
    "notes": {
        Step.AGENT: Exchange("nothing: the places where a Notes client is installed were looked at"),
        Step.HANDSHAKE: Exchange(
            Sent(session="a request for a session: 62 bytes, without a user name"), "nc -vz {host} {port}"
        ),
        Step.AUTH: _CLIENT_ALONE,
        Step.LOGIN: _CLIENT_ALONE,
        Step.ACCESS: _CLIENT_ALONE,
    },
}
