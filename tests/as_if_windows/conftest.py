"""The tests of what stands for Windows need it; script/test-as-windows loads it."""

import os

collect_ignore = [] if "AS_IF_WINDOWS" in os.environ else ["test_stand_in.py"]
