"""One folder a protocol; in it, each verifier reads from top to bottom like its handshake."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pkgutil import iter_modules

from scanready import causes
from scanready.model import Cause


def all_causes() -> dict[str, Cause]:
    """Return every cause by its code: those that are nobody's own first, then family by family.

    Raises:
        ValueError: two causes share a code.
    """
    shared = sorted(iter_modules(causes.__path__), key=lambda m: (m.name != "common", m.name))
    families = sorted(f"{__name__}.{module.name}.causes" for module in iter_modules(__path__))
    names = chain((f"{causes.__name__}.{module.name}" for module in shared), filter(find_spec, families))
    return causes.by_code(*map(import_module, names))
