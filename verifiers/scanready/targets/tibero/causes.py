"""What can be said of Tibero, whose protocol is not public."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

UNVERIFIABLE = Cause(
    "tibero.unverifiable",
    Owner.SCANREADY,
    Step.AUTH,
    "The server greets in the shape of a Tibero server. Its protocol is not public, and no client of the vendor's is "
    "at hand to log in with: more than the shape cannot be proven from here.",
    "Log in by hand from this agent with the vendor's client; that is what the scanner's own driver does.",
    "On the agent, with the Tibero client: tbsql {user}@DATABASE",
    definite=False,
)
REFUSED = Cause(
    "tibero.refused",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server opens with an error message in place of its greeting; its number's meaning is not public.",
    "Look into the server's log at the time of the check: is the instance in NORMAL mode, and is it full?",
    "On the server: tblistener and instance logs in $TB_HOME/instance/$TB_SID/log",
    definite=False,
)
