"""What can be said of Notes and Domino, whose protocol is not public and whose client alone can log in."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

_BY_HAND = "On the agent, in the Notes client: File, Preferences, Notes Ports, Trace, with the server's name"

NO_ID = Cause(
    "notes.no-id",
    Owner.AGENT,
    Step.AGENT,
    "The Notes client on this agent has not been set up for a user, or the ID file that its settings name is gone: it "
    "cannot log in to any server.",
    "Start the client once as the user that the scanner runs as, and set it up with the ID file of the scan account "
    "(single-user installation); then check again.",
    "On the agent: the line KeyFileName= of notes.ini, and the file it names",
)
HUNG_UP = Cause(
    "notes.hung-up",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The port accepts and hangs up on the request for a session: another service, an access list, a limit, or a server "
    "that does not take our request, which is known from public byte traces alone.",
    "Look into the server's console at the time of the check; then try with a Notes client from this agent.",
    _BY_HAND,
    definite=False,
    scoped=Scope.PATH,
)
NAMELESS = Cause(
    "notes.nameless",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The answer has the shape of a Notes session and no server's name in it, as Domino's has: what answers is unknown.",
    "Check with a Notes client from this agent whether a Domino server answers on this port.",
    _BY_HAND,
    definite=False,
)
