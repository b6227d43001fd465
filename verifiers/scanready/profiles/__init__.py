"""Requirements of scanners as data: read a profile from its YAML, find profiles by name, and describe their format.

``er2-2.0.28.yaml`` is the source of the built-in requirements. Other packages bring profiles under the entry points
``scanready.profiles``, and ``--profile FILE`` reads any other file.
"""

from __future__ import annotations
