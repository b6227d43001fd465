"""Run scanready from a bare checkout: ``python cli.py check HOST``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "verifiers"))

from scanready.cli import main  # the path comes first

if __name__ == "__main__":
    main()
