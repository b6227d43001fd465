"""Divide one target's time among the guessed types that are tried one after another on its port.

Otherwise a silent port would cost the whole time once for each type. Only the wait for the *first* byte is divided: a
server that has sent a byte gets all the remaining time. After a greeting of no known protocol, the whole time is
divided: SSH permits lines before the identification, and a type that waits for more lines would leave no time for the
next types. A share that is too short to prove silence ends as out of time, like any other wait.
"""

from __future__ import annotations

from dataclasses import dataclass

# The share of the remaining time for the likeliest type (this is its own port), and for the first type whose server
# speaks first, which stands for all such types: a greeting may wait for a reverse lookup of the agent's address.
_LIKELY_SHARE = 1 / 3
# The least share of a target's time for a type whose protocol the server has spoken, however late.
_FOR_THE_NAMED = 1 / 10
# Seconds. A shorter silence means nothing: a TLS handshake over a satellite link takes longer.
_LEAST_PATIENCE = 0.3


@dataclass(slots=True, eq=False)
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

    def stand_still(self, seconds: float) -> None:
        """Have the time end later: for so long, a type's climb only waited for a turn of its own."""
        if self.end is not None:
            self.end += seconds
