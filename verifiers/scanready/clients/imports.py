"""Import client libraries: in one thread at a time, and say how to install a missing one."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.remedies.fixes import Fix, on_agent
from scanready.remedies.quoting import SHELL_PATH
from scanready.wire.printable import printable

INSTALL = Fix(
    "{python} -m pip install {requirement}", at=on_agent("in a shell"), python=SHELL_PATH, requirement=SHELL_PATH
)
INSTALL_AGAIN = Fix(
    "{python} -m pip install --force-reinstall {requirement}",
    at=on_agent("in a shell"),
    python=SHELL_PATH,
    requirement=SHELL_PATH,
)
RUN = Fix(
    "{python} {script}",
    at=on_agent("in a shell, in the folder of scanready's source"),
    python=SHELL_PATH,
    script=SHELL_PATH,
)
_BY_SCRIPT = re.compile(r"python (?P<script>script/[a-z-]+), in the folder of scanready's source$")
_LOCK = threading.RLock()
#: Errors of a library that is installed, and does not fit its Python, its system or the libraries below it. The last
#: ones are those of pyOpenSSL and cryptography of different years, for example.
_UNFIT = (ImportError, OSError, SyntaxError, AttributeError, TypeError, ValueError, RuntimeError)


def by_script(script: str) -> str:
    """Return what to type for a library that a script of ours installs, not pip; ``script`` is a path in our source."""
    return f"python {script}, in the folder of scanready's source"


@contextmanager
def importing(missing: str) -> Iterator[None]:
    """Hold the right to import client libraries; ``missing`` says what is not installed, and how to install it.

    Client libraries and the libraries below them import each other in circles. Two threads that load two of them for
    the first time at the same moment can each meet half of a module, and take the library for missing (measured:
    requests beside exchangelib, twice in six tries).

    Raises:
        Failure: ``agent.driver-missing``; of a library that is installed and cannot be loaded, with the error.
    """
    with _LOCK:
        try:
            yield
        except ModuleNotFoundError as error:
            raise Failure(common.DRIVER_MISSING, missing, _fix(missing)) from error
        except _UNFIT as error:
            raise Failure(common.DRIVER_MISSING, _unfit(missing, error), _fix(missing, INSTALL_AGAIN)) from error


def _unfit(missing: str, error: BaseException) -> str:
    """Return that a library is installed and cannot be loaded, from the message that it is missing."""
    name, known, _ = missing.partition(" is not installed")
    if not known:  # "this needs pyspnego: pip install ..."
        name = f"{missing.partition(': ')[0]}, which"
    return f"{name} cannot be loaded: {printable(f'{type(error).__name__}: {error}', 300)}"


def _fix(missing: str, install: Fix = INSTALL) -> str | None:
    """Return the command that installs it, for the interpreter that runs scanready: a host may have several pips."""
    if by := _BY_SCRIPT.search(missing):
        return RUN(python=sys.executable, script=by["script"])
    requirement = missing.partition(": pip install ")[2].strip("'")
    return install(python=sys.executable, requirement=requirement) if requirement else None
