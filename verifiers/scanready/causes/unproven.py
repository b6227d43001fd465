"""Causes that leave a target undecided without a fault of its own: what was invented, assumed, or not asked."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

NEIGHBOUR_UNKNOWN = Cause(
    "master.neighbour-unknown",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The port accepts connections, as a Master Server's does. That is proof only if a port that no service uses "
    "rejects them; this was not checked.",
    "Run the check without --no-canary, and with a --timeout of 10 seconds or more.",
    "On the agent: nc -vz -w 5 {host} 64937   # the connection should be refused",
    definite=False,
    wire="The TCP handshake with {port} completes. The SYN to the unused port 64937 is not sent, or its answer does "
    "not arrive in time.",
)
FALSE_OPEN = Cause(
    "handshake.false-open",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A port of this host that no service uses gives the same answer. A proxy, redirect or honeypot answers on every "
    "port, so this answer proves nothing about the target.",
    "Exempt the agent from the device that answers in place of the target.",
    "On the agent: connect to an arbitrary high port of {host}; it should be refused.",
    definite=False,
    wire="The unused port 64937 of {host} completes the TCP handshake, and sends the same protocol's answer as {port}.",
)
ASSUMED = Cause(
    "scanready.assumed",
    Owner.OPERATOR,
    Step.CONNECT,
    "This is no measurement: the report was asked what would be left if something were changed (`report --assume`). "
    "The causes that the change removes are left out, and no other one is known. What is behind them was not measured.",
    "Have the change made, then check the target again.",
    "On the agent: scanready check for this target, after the change.",
    definite=False,
    wire="Nothing is sent: the result is that of an earlier run.",
)
LOGIN_NOT_TRIED = Cause(
    "login.not-tried",
    Owner.OPERATOR,
    Step.LOGIN,
    "The target has a credential, but its type's verifier did not log in. It is unknown whether the account works.",
    "Remove the credential from the target to check only up to the login prompt. Or ask the authors of the type's "
    "package to support a login (`scanready types TYPE` lists the steps).",
    "Log in manually with the same account, once.",
    definite=False,
    wire="The exchange ends before the login: the agent sends no credential.",
)
NOT_BUILT = Cause(
    "scanready.not-built",
    Owner.SCANREADY,
    Step.AGENT,
    "This version has no verifier for this target type yet. Nothing was contacted.",
    "Check the requirement manually (`scanready types TYPE` lists its ports), or use a newer version.",
    "scanready types",
    definite=False,
    wire="Nothing is sent.",
)
DEPTH_LIMITED = Cause(
    "scanready.depth-limited",
    Owner.OPERATOR,
    Step.CONNECT,
    "Every step up to --depth passed, but --depth ends before the login prompt. An open port does not prove that the "
    "target can be scanned.",
    "Check further: --depth auth.",
    "Run the check again without --depth.",
    definite=False,
    wire="The connection succeeds, and the agent closes it before the login prompt.",
)
IDENTITY_INVENTED = Cause(
    "auth.identity-invented",
    Owner.OPERATOR,
    Step.AUTH,
    "The inventory lacks the scan's user, uid or database for this target, so scanready filled in an invented "
    "one. The server rejected the invented value. How the server would answer the scan's real user and "
    "database is unknown.",
    "In the inventory, give this target a credential, or set the option `user`, `database` or `uid`. "
    "`scanready types TYPE` shows which of them the type has.",
    "Log in manually once, with the scan's own account and database.",
    definite=False,
    wire="The agent sends an invented user or database name; the server answers with an error about that name.",
)
