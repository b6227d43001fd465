"""The causes that a login may fail with, by their codes: the shared ones, and those of its package."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import scanready.causes
from scanready.causes import by_code
from scanready.model import Cause


def causes_of(function: Callable[..., Any]) -> dict[str, Cause]:
    """Return the causes that the package of ``function`` defines in modules that are loaded, and all shared ones."""
    package = function.__module__.rpartition(".")[0] or function.__module__
    own = [module for name, module in sys.modules.copy().items() if name == package or name.startswith(f"{package}.")]
    own.append(sys.modules[function.__module__])
    found = dict(_shared())
    for module in own:
        if module is not None:
            found |= {value.code: value for value in vars(module).copy().values() if isinstance(value, Cause)}
    return found


@cache
def _shared() -> dict[str, Cause]:
    names = [info.name for info in pkgutil.iter_modules(scanready.causes.__path__)]
    return by_code(*(importlib.import_module(f"scanready.causes.{name}") for name in names))
