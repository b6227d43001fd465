"""Describe the broker: RabbitMQ's definitions of users, queues with bounds, exchanges, permissions. No I/O.

An agent may write to the exchange ``results`` and read its own two queues. It may neither declare anything nor write to
the default exchange, which would reach the queues of all others.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from .names import COORDINATOR, RESULTS, TASKS, VHOST, cancel_key, cancels_of, task_key, tasks_of

_NOTHING = "^$"
#: The queues that a coordinator makes for itself: one for the results of each run, one for heartbeats.
_OWN = r"scanready\.(results|heartbeat)\..*"
_MIB = 1 << 20
#: The most messages and bytes in a queue, by the beginning of its name, and the fate of one more. As policies they hold
#: for queues that are there already. A publisher whose message is rejected keeps it, and tries again. A heartbeat is
#: worth nothing after the next one.
_BOUNDS = {
    "tasks": (20_000, 256 * _MIB, "reject-publish"),
    "cancel": (10_000, 16 * _MIB, "reject-publish"),
    "results": (200_000, 1024 * _MIB, "reject-publish"),
    "heartbeat": (10_000, 64 * _MIB, "drop-head"),
}
_DURABLE = {"vhost": VHOST, "durable": True, "auto_delete": False, "arguments": {}}


def definitions(agents: Sequence[str], passwords: Mapping[str, str], existing: Sequence[str] = ()) -> dict[str, Any]:
    """Return the definitions for these agents and one coordinator, for ``rabbitmqctl import_definitions``.

    Args:
        agents: names for which :func:`scanready.fleet.names.is_agent_name` is true.
        passwords: by user. Only a salted hash of each is in the result. A user without one cannot log in until
            ``rabbitmqctl change_password`` gives it one.
        existing: users that the broker has: an import would replace their passwords, so they are left out.
    """
    users = [user for user in (COORDINATOR, *agents) if user not in existing]
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(passwords[user]) if user in passwords else "",
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for user in users
        ],
        "policies": [_policy(kind, *bounds) for kind, bounds in _BOUNDS.items()],
        "permissions": [_coordinator(), *map(_permissions, agents)],
        "exchanges": [
            {"name": TASKS, "type": "direct", "internal": False, **_DURABLE},
            {"name": RESULTS, "type": "direct", "internal": False, **_DURABLE},
        ],
        "queues": [{"name": name, **_DURABLE} for agent in agents for name in (tasks_of(agent), cancels_of(agent))],
        "bindings": [
            _binding(key, queue)
            for agent in agents
            for key, queue in ((task_key(agent), tasks_of(agent)), (cancel_key(agent), cancels_of(agent)))
        ],
    }


def password_hash(password: str, salt: bytes | None = None) -> str:
    """Return RabbitMQ's SHA-256 hash of a password: Base64 of the salt (4 bytes) and SHA-256 of salt and password.

    Source: https://www.rabbitmq.com/docs/passwords, "This is the algorithm".
    """
    salt = salt or secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode("utf-8")).digest()).decode("ascii")


def _policy(kind: str, most: int, most_bytes: int, overflow: str) -> dict[str, Any]:
    return {
        "vhost": VHOST,
        "name": f"scanready-{kind}",
        "pattern": rf"^scanready\.{kind}\.",
        "apply-to": "queues",
        "definition": {"max-length": most, "max-length-bytes": most_bytes, "overflow": overflow},
        "priority": 0,
    }


def _permissions(agent: str) -> dict[str, str]:
    queues = "|".join(re.escape(queue) for queue in (tasks_of(agent), cancels_of(agent)))
    return _permit(agent, configure=_NOTHING, write=f"^{RESULTS}$", read=f"^({queues})$")


def _coordinator() -> dict[str, str]:
    return _permit(COORDINATOR, configure=f"^{_OWN}$", write=f"^({TASKS}|{_OWN})$", read=f"^({RESULTS}|{_OWN})$")


def _permit(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": VHOST, "configure": configure, "write": write, "read": read}


def _binding(key: str, queue: str) -> dict[str, Any]:
    return {
        "source": TASKS,
        "vhost": VHOST,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }
