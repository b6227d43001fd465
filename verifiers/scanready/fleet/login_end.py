"""Name the ends of a login on an agent, as the coordinator hears of them. Nothing in them comes from a secret."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """Say what became of a login, as the agent's lockout guard knows it.

    ``ACCEPTED``: a server judged the secret, and accepted it. ``REFUSED``: the refusal binds the account.
    ``AMBIGUOUS``: the account is refused, or the agent's address is. ``REFUSED_HERE``: the refusal binds the host.
    ``UNKNOWN``: the secret may have left, and no answer came. ``EARLIER``, ``EARLIER_HERE``: an earlier run of the
    agent was refused, everywhere or at this host. ``UNABLE``: the agent has no such credential. ``UNUSABLE``: it cannot
    read its credential. ``NOT_PERMITTED``: its own file does not permit the credential at this host, so there was no
    visit. ``NOT_SENT``: no secret left, or no server judged it. ``HELD``: its secret is not newer than the refusal that
    the coordinator knows of.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    REFUSED_HERE = "refused-here"
    UNKNOWN = "unknown"
    EARLIER = "refused-earlier"
    EARLIER_HERE = "refused-here-earlier"
    UNABLE = "unable"
    UNUSABLE = "unusable"
    NOT_PERMITTED = "not-permitted"
    NOT_SENT = "not-sent"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class LoginEnd:
    """Report the end of one login of a batch.

    Attributes:
        credential: the name of the credential.
        host: the host of the target.
        end: what became of it.
        where: the endpoint that judged it; empty if none did.
        detail: why no secret was sent, in words; empty if one was.
    """

    credential: str
    host: str
    end: End
    where: str = ""
    detail: str = ""
