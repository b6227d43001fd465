"""Configure Celery: JSON only, at-least-once delivery, named queues, no remote control. Each setting was measured.

There is no result backend: results are messages of our own, so that they survive the end of the coordinator.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import celery
import kombu

from .connection import TRANSPORT, Broker
from .faults import PATIENCE
from .framing import task_frames
from .names import TASKS, VHOST, task_key, tasks_of

#: Batches that an agent works on at once: with 25 targets each, as many targets as `verify`.
BATCHES = 40


def celery_app(broker: Broker, agent: str | None = None) -> Any:
    """Return the application of a worker for ``agent``, or that of a coordinator."""
    app = celery.Celery("scanready", set_as_current=False, fixups=[])
    app.conf.update(
        broker_url=f"pyamqp://{quote(broker.user, '')}:{quote(broker.password, '')}@{broker.netloc}/{VHOST}",
        broker_use_ssl=broker.tls_settings(),
        broker_heartbeat=2 * PATIENCE,
        broker_connection_timeout=PATIENCE,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=TRANSPORT | {"frame_handler": task_frames, "login": broker.login},
        broker_transport="scanready.fleet.broker_login:Transport",
        # A message in another form, such as a pickled one, is refused, and the worker lives on.
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        # A batch is acknowledged after its results are at the broker; a killed worker's goes to the next one.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_create_missing_queues=False,
        task_default_exchange=TASKS,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_detect_quorum_queues=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_pool="threads",
        worker_concurrency=BATCHES,
        # The thread that reads the connection is the only one that writes to it. After a broken connection, Celery
        # would raise the number of batches in hand step by step, from the threads that carry them out.
        worker_consumer="scanready.fleet.worker_consumer:OneThread",
        worker_enable_prefetch_count_reduction=False,
    )
    if agent is not None:
        queue = task_queue(agent)
        app.conf.update(task_queues=[queue], task_default_queue=queue.name, task_default_routing_key=task_key(agent))
    return app


def task_queue(agent: str) -> kombu.Queue:
    """Return the queue of an agent's batches. It comes from the broker's definitions: neither side declares it."""
    exchange = kombu.Exchange(TASKS, "direct", durable=True, no_declare=True)
    return kombu.Queue(tasks_of(agent), exchange, task_key(agent), durable=True, no_declare=True)
