"""The causes of a talk that ends past the handshake: the peer has proven its protocol, and then stops."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

AUTH_TOO_SLOW = Cause(
    "auth.too-slow",
    Owner.SERVER,
    Step.AUTH,
    "The server speaks the expected protocol, and did not show its login prompt within the time this check was given.",
    "Look at the load of the server, and whether its DNS servers and its directory answer: it may ask them before a "
    "login. Or give the check more time with --timeout.",
    "On the target: the service's log at the time of the check.",
    definite=False,
)
AUTH_BROKEN_OFF = Cause(
    "auth.broken-off",
    Owner.SERVER,
    Step.AUTH,
    "The server speaks the expected protocol, and ended the connection before it showed its login prompt.",
    "Look at the service's log for the reason, and for a device in the path that inspects this protocol.",
    "On the target: the service's log at the time of the check.",
)
LOGIN_TOO_SLOW = Cause(
    "login.too-slow",
    Owner.SERVER,
    Step.LOGIN,
    "The server did not answer the login within the time this check was given; whether the account works is unknown.",
    "Look at the load of the server, and at the directory that it asks; or give the check more time with --timeout.",
    "Log in manually with the same account, once.",
    definite=False,
    may_count=True,
)
LOGIN_BROKEN_OFF = Cause(
    "login.broken-off",
    Owner.SERVER,
    Step.LOGIN,
    "The connection ended in the middle of the login, without an answer; whether the account works is unknown.",
    "Look at the service's log for the reason, and for a device in the path that ends the session.",
    "Log in manually with the same account, once.",
    definite=False,
    may_count=True,
)
ACCESS_TOO_SLOW = Cause(
    "access.too-slow",
    Owner.SERVER,
    Step.ACCESS,
    "The server did not finish its answer to the first read within the time this check was given.",
    "Look at the load of the server and of its storage; or give the check more time with --timeout.",
    "Read one object manually with the same account.",
    definite=False,
)
ACCESS_BROKEN_OFF = Cause(
    "access.broken-off",
    Owner.SERVER,
    Step.ACCESS,
    "The connection ended in the middle of the first read; whether a scan could read the data is unknown.",
    "Look at the service's log for the reason, and for a device in the path that ends the session.",
    "Read one object manually with the same account.",
    definite=False,
)
