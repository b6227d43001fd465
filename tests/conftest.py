"""Runs that tests make are kept in a store of their own, not in that of whoever runs the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_WHERE = tempfile.mkdtemp(prefix="scanready-tests-")
atexit.register(shutil.rmtree, _WHERE, ignore_errors=True)
os.environ["SCANREADY_STORE"] = str(Path(_WHERE, "runs.db"))

# The store is set before anything of ours is loaded.
from tests import vocabulary  # noqa: E402

vocabulary.watch()
