"""Let a process that a test starts be one on Windows, too; Python loads this at its start."""

import os
import sys
import warnings
from importlib.util import find_spec

if os.environ.get("AS_IF_WINDOWS") and find_spec("tests") is not None:
    from tests.as_if_windows import posix_gone

    warnings.filterwarnings("ignore", category=EncodingWarning)
    warnings.filterwarnings("error", category=EncodingWarning, module=r"scanready(\..*)?$")
    posix_gone.install()
    assert "pytest" not in sys.modules
