"""Call what another package brings, whatever it raises; light, for it loads with the built-in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scanready.catalogue.wrong import Wrong
from scanready.wire.printable import visible


class Unusable(Exception):
    """The type of a plug-in cannot be used.

    Args:
        phrase: says why.
        trace: the traceback of what its modules raised; empty if they raised nothing.
    """

    def __init__(self, phrase: str, trace: str = "") -> None:
        super().__init__(phrase)
        self.trace = trace


def attempted(function: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """Call a function of another package, whatever it raises.

    Returns:
        What it returned and an empty text; or None and the error on one line of at most some 300 printable characters.

    Raises:
        Wrong, Unusable: as the function raises them.
    """
    try:
        return function(*arguments), ""
    except (Wrong, Unusable):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a plug-in's bug must not end the run of others
        return None, error_line(error)


def error_line(error: BaseException) -> str:
    """Return an exception on one line of at most some 300 printable characters, whatever its ``str`` does."""
    text, _ = attempted(str, error)
    words = visible(" ".join((text or "").split()), 300)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
