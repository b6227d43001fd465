"""List the causes of Tibero, whose protocol is not public."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

UNVERIFIABLE = Cause(
    "tibero.unverifiable",
    Owner.SCANREADY,
    Step.AUTH,
    "The server's greeting looks like Tibero. The protocol is not public, and without the vendor's client scanready "
    "cannot log in. Nothing more can be confirmed.",
    "Log in manually from this agent with the vendor's client; the scanner's driver uses the same client.",
    "On the agent, with the Tibero client: tbsql {user}@DATABASE",
    definite=False,
    wire="The server's first message has type 0 and the length of a Tibero greeting. The agent sends nothing.",
)
REFUSED = Cause(
    "tibero.refused",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server sends an error message instead of its greeting. The meaning of the error number in that "
    "message is not public.",
    "Read the server's log at the time of the check. Is the instance in NORMAL mode, and has it reached its limit of "
    "sessions?",
    "On the server: read the tblistener and instance logs in $TB_HOME/instance/$TB_SID/log",
    definite=False,
    wire="The server's first message has type 76 instead of type 0. The agent sends nothing.",
)
