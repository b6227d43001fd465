"""Mask the secrets among the options of a target: a secret comes by reference, and one may slip in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Names of options that hold a secret, and a password within a URL.
SECRET_OPTION = re.compile(r"pass(word|wd|phrase)|secret|token", re.IGNORECASE)
USERINFO = re.compile(r"(://[^/@:\s]*:)([^/\s]*)@")


def options_shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with every secret masked."""
    shown: dict[str, Any] = {}
    for key, value in options.items():
        if SECRET_OPTION.search(key):
            shown[key] = "***"
        else:
            shown[key] = USERINFO.sub(r"\1***@", value) if isinstance(value, str) else value
    return shown
