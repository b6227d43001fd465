"""The job of a login: the function by name, its arguments with the connections among them, and the redactor.

It goes from this process to one that this process has started, so it is pickled: only the way back is not believed.
"""

from __future__ import annotations

import io
import pickle
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from scanready.redaction import Redactor, current

from .lent import Lent, Taken

#: The function of a login's module that loads its libraries, before it is forked.
LOAD = "load"


class _Pickler(pickle.Pickler):
    """Keeps the connections apart: they go as sockets."""

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self.lent: list[Lent] = []

    def persistent_id(self, one: Any) -> int | None:
        if not isinstance(one, Lent):
            return None
        self.lent.append(one)
        return len(self.lent) - 1


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, take: Callable[[int], socket.socket]) -> None:
        super().__init__(file)
        self._take = take

    def persistent_load(self, number: Any) -> Lent:
        return Taken(lambda: self._take(int(number)))


class JobError(Exception):
    """It cannot be given to another process."""


def name_of(function: Callable[..., Any]) -> str | None:
    """Return "module:name" if another process can find the function, None if it cannot."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module is None or module == "__main__" or not name.isidentifier():
        return None
    if getattr(sys.modules.get(module), name, None) is not function:
        return None
    return f"{module}:{name}"


def found(name: str) -> Callable[..., Any]:
    """Return the function of that name."""
    module, _, function = name.partition(":")
    loaded: Callable[..., Any] = getattr(import_module(module), function)
    return loaded


def pack(name: str, arguments: tuple[Any, ...]) -> tuple[bytes, list[Lent]]:
    """Return the job as bytes, and the connections that belong to it in their order.

    Raises:
        JobError: an argument cannot be pickled.
    """
    file = io.BytesIO()
    pickler = _Pickler(file, pickle.HIGHEST_PROTOCOL)
    try:
        pickler.dump((name, arguments, current()))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise JobError(str(error)) from error
    return file.getvalue(), pickler.lent


def unpack(data: bytes, take: Callable[[int], socket.socket]) -> tuple[Callable[..., Any], tuple[Any, ...], Redactor]:
    """Return the function, its arguments, and what hides the target's secrets in the texts of the peer.

    ``take`` gets the connection of a number.
    """
    name, arguments, redactor = _Unpickler(io.BytesIO(data), take).load()
    return found(name), arguments, redactor
