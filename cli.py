"""Run scanready from a bare checkout: ``python cli.py check HOST``."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  # an old one comes as far as this
    sys.stderr.write("scanready: this is Python {}.{}; it needs 3.11 or newer.\n".format(*sys.version_info))
    sys.exit(2)
sys.path.insert(0, str(Path(__file__).resolve().parent / "verifiers"))

from scanready.__main__ import start  # the path comes first

if __name__ == "__main__":
    start()
