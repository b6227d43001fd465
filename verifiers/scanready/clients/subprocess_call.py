"""Run a client library in a separate process, which can be killed.

Some drivers wait past every time-out (measured: more than 75 s at a silent listener), and no code in their process can
end that. The arguments, including the password, go over the child's standard input, never its command line or
environment. The result is one line of JSON. A child whose parent is gone ends by itself.

The visit is a function of any module: ``run("package.module:visit", {...}, seconds)`` calls
``package.module.visit(**arguments)`` in the child. Arguments and result are JSON values.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanready.causes import by_code, common
from scanready.climb.explain import Failure
from scanready.model import Cause, Owner
from scanready.redaction import Redactor, current, redacting

from .child_process import feed, own_group, take_standard_input

#: A result is a version and a few names. More would not fit into a pipe that is not being read yet.
_MOST_BYTES = 32 * 1024
#: For a visit that fails with the common causes only.
NO_CAUSES: Mapping[str, Cause] = {}
#: Where this package is: the child finds it wherever the parent did.
_ROOT = Path(__file__).resolve().parents[2]


def run(visit: str, arguments: dict[str, Any], seconds: float, causes: Mapping[str, Cause] = NO_CAUSES) -> Any:
    """Return what ``visit`` ("package.module:function") returns; kill it after ``seconds``.

    ``causes`` are those that it may fail with, by code, besides the common ones.

    Raises:
        Failure: the one that the visit raised.
        TimeoutError: it did not return in time and was killed.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", _START, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **own_group(),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        try:
            # Left open: its end tells the child that the parent is gone. A child that is gone already has no answer.
            feed(child.stdin, json.dumps([visit, arguments, current().settings]).encode() + b"\n")
            child.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the driver did not return within {seconds:.1f} s and was killed") from None
        finally:
            child.kill()
        return _translate(child.stdout.read(_MOST_BYTES), child.returncode, by_code(common) | dict(causes))


def _translate(reply: bytes, status: int, causes: Mapping[str, Cause]) -> Any:
    try:
        kind, value = json.loads(reply)
    except ValueError:
        detail = f"the driver's process ended with status {status} without an answer"
        raise Failure(common.LIMIT, detail) from None
    if kind == "failure":
        also = tuple((Owner(owner), fix) for owner, fix in value["also"])
        raise Failure(causes[value["code"]], value["detail"], value["fix"], also=also, **value["facts"])
    return value


_START = "import sys; sys.path.insert(0, sys.argv[1]); from scanready.clients.subprocess_call import child; child()"


def child() -> None:
    """Run in the child: read the call, make it, and write its result or failure."""
    visit, arguments, hidden = json.loads(sys.stdin.buffer.readline())
    parent = take_standard_input()
    answers, sys.stdout = sys.stdout, sys.stderr  # the output of a driver is not an answer
    name, _, function = visit.partition(":")
    answer: tuple[str, Any]
    try:
        with redacting(Redactor(**hidden)):
            module = importlib.import_module(name)
            # Not before: Windows lets one thread at a time use a pipe, and a driver may ask for it while it is loaded.
            threading.Thread(target=_end_with_the_parent, args=(parent,), daemon=True).start()
            answer = "result", getattr(module, function)(**arguments)
    except Failure as failure:
        told = {"code": failure.cause.code, "detail": failure.detail, "fix": failure.fix, "also": failure.also}
        answer = "failure", {**told, "facts": failure.facts}
    answers.write(json.dumps(answer)[:_MOST_BYTES])
    answers.flush()
    os._exit(0)  # without waiting for threads that the driver left


def _end_with_the_parent(parent: io.FileIO) -> None:
    parent.read()
    os._exit(1)
