"""Open a plain TCP connection from the agent and return its outcome."""

from __future__ import annotations

import socket

from fixtures.lab.lab import Lab
from fixtures.limits import HANG


def dial(address: str, port: int, timeout: float = HANG) -> socket.socket:
    return socket.create_connection((address, port), timeout)


def refusal(lab: Lab, address: str, port: int, timeout: float = HANG) -> int | str:
    """The errno of a plain connect, "timeout", or "open"."""

    def attempt() -> int | str:
        try:
            dial(address, port, timeout).close()
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return error.errno or str(error)
        return "open"

    return lab.agent.run(attempt)
