"""Causes that only Redis has; ``scanready.causes.common`` has those that every type shares.

Each names its owner and a remedy that begins with a verb. ``{host}``, ``{port}`` and ``{path}`` are filled in where a
text is shown.
"""

from __future__ import annotations

from scanready.author import Cause, Owner, Step

PROTECTED_MODE = Cause(
    "redis.protected-mode",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "Redis runs in protected mode: no password is set, so it answers clients on its own host only.",
    "Set a password for the user default (requirepass), or add a user for the scan (ACL SETUSER); protected mode then "
    "no longer applies.",
    "On the agent: redis-cli -h {host} -p {port} PING",
)
ERROR = Cause(
    "redis.error",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "Redis answers with an error that this check does not know: it is loading its data, say, or has too many clients.",
    "Look up the error in the log of Redis on {host} at the time of the check.",
    "On the agent: redis-cli -h {host} -p {port} PING",
    definite=False,
)
NO_PASSWORD = Cause(
    "redis.no-password-set",
    Owner.OPERATOR,
    Step.LOGIN,
    "The server has no password for the user default, and refuses clients that send one.",
    "Remove the credential from the target, or name the user whose password it is.",
    "On the agent: redis-cli -h {host} -p {port} PING   # PONG without a password",
)
NO_USERS = Cause(
    "redis.no-users",
    Owner.OPERATOR,
    Step.LOGIN,
    "This Redis is older than version 6: it has one password and no users. The password was not tried.",
    "Name the user of the credential `default`: the password is then sent without a user.",
    "On the server: redis-server --version",
)
