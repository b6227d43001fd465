"""Describe what a check of Notes or Domino sends on each step, with the equivalent command."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent
from scanready.model import Step

_CLIENT_ALONE = Exchange("nothing: only a Notes client with its ID file can log in")

STORY: dict[str, dict[Step, Exchange]] = {
    "notes": {
        Step.AGENT: Exchange("nothing: the check looked for an installed Notes client"),
        Step.HANDSHAKE: Exchange(
            Sent(session="a session request of 62 bytes, without a user name"), "nc -vz {host} {port}"
        ),
        Step.AUTH: _CLIENT_ALONE,
        Step.LOGIN: _CLIENT_ALONE,
        Step.ACCESS: _CLIENT_ALONE,
    },
}
