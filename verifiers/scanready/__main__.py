"""``python -m scanready``."""

from .cli import main

main()
