"""Define the causes of Notes and Domino. The protocol is not public, and only a Notes client can log in."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

_TRACE = "On the agent, in the Notes client: open File, Preferences, Notes Ports, Trace, with the server's name"

NO_ID = Cause(
    "notes.no-id",
    Owner.AGENT,
    Step.AGENT,
    "The Notes client on this agent is not set up for a user, or the ID file named in its settings does not exist. The "
    "client cannot log in to any server.",
    "Start the client once as the user that the scanner runs as, and set it up with the ID file of the scan account "
    "(single-user installation). Then check again.",
    "On the agent: read the line KeyFileName= of notes.ini, and check that the file it names exists.",
    wire="Nothing is sent: the check looks at files on the agent.",
)
HUNG_UP = Cause(
    "notes.hung-up",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The port accepts the connection and closes it after the session request. The reason is another service, an access "
    "list, a limit, or a server that does not accept our request. The request is known only from public packet traces.",
    "Check the server's console at the time of the check, then try with a Notes client from this agent.",
    _TRACE,
    definite=False,
    scoped=Scope.PATH,
    wire="The TCP handshake completes. The agent sends a session request of 62 bytes, and the server closes the "
    "connection (FIN or RST) without data.",
)
NAMELESS = Cause(
    "notes.nameless",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The answer has the format of a Notes session but contains no server name, which a Domino server would send. The "
    "service on this port is unknown.",
    "Check with a Notes client from this agent whether a Domino server answers on this port.",
    _TRACE,
    definite=False,
    wire="The server answers the session request with a frame of an NRPC session that contains no distinguished name.",
)
