"""Take the settings out of a task that no coordinator writes, before Celery heeds them.

The body may be compressed: kombu would unpack it, and 16 MiB are 16 GiB then. A task may come with a time far away:
Celery keeps it in memory and takes another one for it; with tasks to call after it; or in the form of an older
protocol.
"""

from __future__ import annotations

import json
from typing import Any

from kombu.transport import pyamqp

#: The headers of a task that Celery needs. None of them has an effect besides that of its name.
_KEPT = ("task", "id", "root_id", "lang", "argsrepr", "kwargsrepr")
_LONGEST = 300


class PlainChannel(pyamqp.Channel):  # type: ignore[misc]  # the library has few types
    """A channel whose consumers in kombu and Celery get plain tasks."""

    def message_to_python(self, raw_message: Any) -> Any:
        """Return the message for a consumer; the library calls this."""
        headers = raw_message.properties.get("application_headers") or {}
        raw_message.properties["application_headers"] = {
            name: headers[name][:_LONGEST] for name in _KEPT if isinstance(headers.get(name), str)
        }
        raw_message.body = _plain(raw_message.body)
        return super().message_to_python(raw_message)


def _plain(body: bytes | str) -> bytes | str:
    """Return a body without what Celery embeds in it; one that is no JSON as it is: Celery refuses it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    match found:
        case [args, kwargs, embedded]:
            return json.dumps([args, kwargs, {}]) if embedded else body
    return "it is no task"
