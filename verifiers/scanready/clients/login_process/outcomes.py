"""The outcome of a login as a message: its result, or the error that it raised. The parent raises the same again."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.net.stream import PeerClosed, ReadTimeout, StreamError, TlsError
from scanready.wire import WireError

from .codec import Causes, CodecError, decode, encode, failure
from .messages import Message

NO_MEMORY = "the client library took more memory than a login may have"
NO_MEMORY_TOGETHER = "the logins under way took more memory than they may have together, and this one the most of it"
TOO_DEEP = "the client library went too deep into an answer that is nested, or has no end"
#: The outcome of a login that was refused memory.
OUT_OF_MEMORY: Message = {"unfinished": NO_MEMORY}
_LONGEST = 16_384


class ChildError(Exception):
    """Base of an exception that a login raised and no type of ours carries; its class has the name of the original."""


class ChildTraceback(Exception):  # it is the cause of an error, and shows where that came from
    """Show the traceback of another process."""

    def __str__(self) -> str:
        return f"in the login's process\n{self.args[0]}"


def of_call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Message:
    """Call the function, and return the message that has its outcome."""
    try:
        return {"returned": encode(function(*arguments))}
    except MemoryError:
        return OUT_OF_MEMORY
    except RecursionError:
        return {"unfinished": TOO_DEEP}
    except Failure as error:
        return {"failure": encode(error), "open": isinstance(error, Unfinished)}
    except Exception as error:  # noqa: BLE001  # raised again in the parent
        return {"raised": _raised(error)}


def _raised(error: Exception) -> Message:
    heard = encode(getattr(error, "heard", b"") or b"")
    if isinstance(error, StreamError):
        return _of_stream(error) | {"heard": heard, "securing": error.securing, "spoke": error.spoke}
    match error:
        case WireError():
            return {"kind": "WireError", "text": str(error), "heard": heard}  # whichever kind: it ends a login
        case socket.gaierror():
            return {"kind": "gaierror", "errno": error.errno, "text": error.strerror or str(error)}
        case TimeoutError():
            return {"kind": "TimeoutError", "text": str(error)}
        case OSError() if isinstance(error.errno, int):
            return {"kind": "OSError", "errno": error.errno, "text": error.strerror or str(error)}
    told = traceback.TracebackException.from_exception(error, limit=-10, compact=True)
    text, trace = str(told), "".join(told.format())
    return {"kind": type(error).__name__, "text": text[:_LONGEST], "trace": trace[-_LONGEST:]}


def _of_stream(error: StreamError) -> Message:
    match error:
        case ReadTimeout():
            return {"kind": "ReadTimeout", "text": str(error), "waited": error.waited}
        case TlsError():
            return {"kind": "TlsError", "text": error.reason}
        case PeerClosed():
            return {"kind": "PeerClosed", "text": str(error)}
    return {"kind": type(error).__name__, "text": str(error)}


def result_of(message: Message, hint: Any, causes: Causes) -> Any:
    """Return what the login returned, a value of type ``hint``, or raise what it raised.

    Raises:
        CodecError: the message is none of a login.
        Exception: see there.
    """
    match message:
        case {"returned": value}:
            return decode(hint, value, causes)
        case {"failure": value, **more} if more.get("open") in (None, True, False):
            found = failure(value, causes)
            if more.get("open"):
                unfinished = Unfinished(found.cause, found.detail, found.fix, also=found.also)
                unfinished.facts = found.facts  # they may have any name
                raise unfinished
            raise found
        case {"unfinished": str(text)}:
            raise Unfinished(common.LIMIT, text)
        case {"raised": {"kind": str(kind), "text": str(text), **more}}:
            error = _again(kind, text, more)
            if isinstance(error, StreamError):
                error.securing, error.spoke = more.get("securing") is True, more.get("spoke") is True
            raise error
    raise CodecError("the message is none of a login")


def _again(kind: str, text: str, more: Mapping[Any, Any]) -> Exception:
    heard = decode(bytes, more.get("heard", ""), {})
    match kind:
        case "ReadTimeout":
            return ReadTimeout(text, heard, decode(float, more.get("waited"), {}))
        case "TlsError":
            return TlsError(text, heard)
        case "PeerClosed":
            return PeerClosed(text, heard)
        case "WireError":
            error = WireError(text)
            error.heard = heard
            return error
        case "TimeoutError":
            return TimeoutError(text)
        case "gaierror":
            return socket.gaierror(decode(int, more.get("errno"), {}), text)
        case "OSError":
            return OSError(decode(int, more.get("errno"), {}), text)
    return _unknown(kind, text, decode(str, more.get("trace", ""), {}))


def _unknown(kind: str, text: str, trace: str) -> Exception:
    """Make an exception that reads as the original: a class of its name, and its traceback as the cause."""
    name = kind if kind.isidentifier() and len(kind) <= 100 else "ChildError"
    error: Exception = type(name, (ChildError,), {})(text)
    error.__cause__ = ChildTraceback(trace)
    return error
