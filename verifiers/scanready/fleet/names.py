"""Name the queues, exchanges and routing keys that coordinator, agents and broker agree on."""

from __future__ import annotations

import re

#: The virtual host of the broker. Its permissions are apart from those of all other applications.
VHOST = "scanready"
#: The broker's user of the coordinator. An agent's user has the name of the agent.
COORDINATOR = "coordinator"
#: The exchange that only the coordinator writes to, and the one that agents write to.
TASKS, RESULTS = "tasks", "results"
#: The routing key of heartbeats. The key of results is that of their run.
HEARTBEAT = "heartbeat"
#: A routing key that no queue is bound to.
NOWHERE = "nobody"
#: The name of the task, as Celery knows it.
CHECK = "scanready.check"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def is_agent_name(text: str) -> bool:
    """Return True if an agent may have this name: letters, digits, ``.``, ``_`` and ``-``, at most 63 of them."""
    return _NAME.fullmatch(text) is not None and text != COORDINATOR


def tasks_of(agent: str) -> str:
    """Return the name of the queue that holds the batches of an agent."""
    return f"scanready.tasks.{agent}"


def cancels_of(agent: str) -> str:
    """Return the name of the queue that tells an agent which runs are cancelled."""
    return f"scanready.cancel.{agent}"


def task_key(agent: str) -> str:
    """Return the routing key of a batch for an agent."""
    return f"task.{agent}"


def cancel_key(agent: str) -> str:
    """Return the routing key of a cancellation for an agent."""
    return f"cancel.{agent}"


def results_of(run: str) -> str:
    """Return the name of the queue that keeps the results of a run until the coordinator has stored them."""
    return f"scanready.results.{run}"


def heartbeats_of(listener: str) -> str:
    """Return the name of the queue that a coordinator hears heartbeats on; it ends with its connection."""
    return f"scanready.heartbeat.{listener}"


def run_key(name: str, token: str) -> str:
    """Return what names a run at the broker: two coordinators may give their runs the same name.

    Args:
        token: random; empty for a run of an older version, which is known by its name.
    """
    return f"{name}.{token}" if token else name


def name_of(key: str) -> str:
    """Return the name of the run that a key is for, as its coordinator shows it."""
    return key.partition(".")[0]
