"""How the process ends: everything written, no traceback for a closed pipe, nobody waited for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import NoReturn

#: The reader of standard output has gone (`| head -1`): what a shell reports for a command that SIGPIPE ended.
READER_GONE = 141


def leave(code: int) -> NoReturn:
    """End the process with ``code``.

    A client library that hangs in its thread, or a look-up the system's resolver does
    not give up, would hold a normal exit back; then the process ends without them.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or READER_GONE
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"scanready: cannot write to standard output: {error.strerror}\n")
        code = code or 2
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if others or code == READER_GONE:
        os._exit(code)  # READER_GONE: or the interpreter complains about the very same pipe once more
    sys.exit(code)
