"""Start the command: ``python -m scanready``, and ``cli.py`` of a checkout, where no installer may have run."""

from __future__ import annotations

import gc
import sys

# Imported modules are never freed. At Python's default threshold of 700 objects the collector scans them repeatedly,
# which takes a twentieth of the time to the first line of output (measured).
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def start() -> None:
    """Run the command; exit code 2, and what to type, where this Python is too old or lacks a package."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an old one comes as far as this
        sys.stderr.write("scanready: this is Python {}.{}; it needs 3.11 or newer.\n".format(*sys.version_info))
        sys.exit(2)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from .cli import main
    except ModuleNotFoundError as error:
        from .files.installation import how_to_complete

        if message := how_to_complete(error):
            sys.stderr.write(message)
            sys.exit(2)
        raise
    main()


if __name__ == "__main__":
    start()
