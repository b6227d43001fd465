"""Causes of a conversation that ends after the handshake: the server spoke its protocol, then stopped."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

AUTH_TOO_SLOW = Cause(
    "auth.too-slow",
    Owner.SERVER,
    Step.AUTH,
    "The server speaks the expected protocol but did not show its login prompt within this check's time limit.",
    "Check the server's load. Check that its DNS servers and its directory answer: it may query them before a "
    "login. Or give the check more time with --timeout.",
    "On the target: read the service's log for the time of the check.",
    definite=False,
    wire="The protocol's handshake is in the capture; the server acknowledges the agent's next request and sends no "
    "complete answer.",
)
AUTH_BROKEN_OFF = Cause(
    "auth.broken-off",
    Owner.SERVER,
    Step.AUTH,
    "The server speaks the expected protocol but closed the connection before it showed its login prompt.",
    "Find the reason in the service's log. Look for a device in the path that inspects this protocol.",
    "On the target: read the service's log for the time of the check.",
    scoped=Scope.PATH,
    wire="After the protocol's handshake, the server sends FIN or RST in place of its login prompt.",
)
LOGIN_TOO_SLOW = Cause(
    "login.too-slow",
    Owner.SERVER,
    Step.LOGIN,
    "The server did not answer the login within this check's time limit. It is unknown whether the account works.",
    "Check the server's load, and the directory that it queries. Or give the check more time with --timeout.",
    "Log in manually with the same account, once.",
    definite=False,
    may_count=True,
    wire="The server acknowledges the agent's login message and sends no complete answer to it.",
)
LOGIN_BROKEN_OFF = Cause(
    "login.broken-off",
    Owner.SERVER,
    Step.LOGIN,
    "The connection ended during the login, without an answer. It is unknown whether the account works.",
    "Find the reason in the service's log. Look for a device in the path that ends the session.",
    "Log in manually with the same account, once.",
    definite=False,
    may_count=True,
    wire="After the agent's login message, FIN or RST arrives in place of the server's answer.",
)
ACCESS_TOO_SLOW = Cause(
    "access.too-slow",
    Owner.SERVER,
    Step.ACCESS,
    "The server did not finish its answer to the first read within this check's time limit.",
    "Check the load of the server and of its storage. Or give the check more time with --timeout.",
    "Read one object manually with the same account.",
    definite=False,
    wire="The login succeeds; the server acknowledges the first read request and sends no complete answer.",
)
ACCESS_BROKEN_OFF = Cause(
    "access.broken-off",
    Owner.SERVER,
    Step.ACCESS,
    "The connection ended during the first read. It is unknown whether a scan can read the data.",
    "Find the reason in the service's log. Look for a device in the path that ends the session.",
    "Read one object manually with the same account.",
    definite=False,
    wire="The login succeeds; after the first read request, FIN or RST arrives before the answer is complete.",
)
