"""Types that nobody named, tried one after another on one port: they share the time of one target.

A silent port would otherwise cost the whole time once for each type. What is
divided is the patience for a *first* byte: a peer that has said something gets
all the time there is left. Where the port's greeting is of no known protocol,
the whole time is divided: SSH permits lines before the identification, and a
type that waits for more of them would leave nothing to those after it. A share
that is too short to call it silence ends as out of time, like any other wait.
"""

from __future__ import annotations

from dataclasses import dataclass

# Of the time left, for the likeliest (it is the type's own port) and for the first that waits for the server to open
# the talk, which answers for all of its kind: a greeting may wait for a reverse look-up of our address.
_LIKELY_SHARE = 1 / 3
# The least share of a target's time for a type that the peer's own words name, however late they are heard.
_FOR_THE_NAMED = 1 / 10
# Seconds. Under this no answer means nothing: a TLS handshake over a satellite takes longer than one from next door.
_LEAST_PATIENCE = 0.3


@dataclass(slots=True)
class TimeShares:
    """``left`` types are still to be tried on the port; ``end`` is the loop's time, None before the first one."""

    left: int = 0
    end: float | None = None

    def turn(
        self, now: float, seconds: float, likely: bool, named: bool = False, unrecognised: bool = False
    ) -> tuple[float, float]:
        """Begin the next type's climb; return its time, and its patience for a first byte, both in seconds.

        The time is 0 where the types before have used it up. A type that the peer's words have ``named`` has all that
        is left, and a tenth of the whole in any case. After an ``unrecognised`` greeting the time is no longer than the
        patience.
        """
        self.end = self.end or now + seconds
        rest = max(0.0, self.end - now)
        share = max(rest / max(1, self.left), rest * _LIKELY_SHARE if likely else 0.0)
        self.left -= 1
        if named:
            least = max(rest, seconds * _FOR_THE_NAMED)
            return least, least
        patience = min(rest, max(share, _LEAST_PATIENCE))
        if rest < _LEAST_PATIENCE:
            return 0.0, patience
        return (patience if unrecognised else rest), patience
