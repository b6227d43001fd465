"""Mask the password of ``user:password@host`` and of ``password=...``, where an operator's text is repeated."""

from __future__ import annotations

import re

from .redactor import HIDDEN

# The password ends at the last "@" of the word, for it may hold one itself; so may the user of a URL.
# A URL with a user and no password, the whole word of it, is none: the colon of its scheme begins no password.
_USER_ONLY = r"//[^\s:/@]+@[^\s@]*(?:\s|$)"
_USERINFO = re.compile(
    r"((?:^|(?<=[\s\"'`(<\[{,;=|]))(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^\s:/@]*):(?!" + _USER_ONLY + r")[^\s]*@(?=\S|$)"
)
_IN_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*):[^\s/]*@")
# The settings of connection strings, of any tool: "jdbc:sqlserver://db;user=er;password=...".
_SETTING = re.compile(r"((?<![^\W_])(?:password|passwd|pwd|passphrase|secret|token) ?= ?)[^\s;&,'\"`]+", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Return ``text`` with asterisks for each password between a colon and the ``@`` behind it, or behind its name."""
    text = _SETTING.sub(rf"\1{HIDDEN}", text)
    return _USERINFO.sub(rf"\1:{HIDDEN}@", _IN_URL.sub(rf"\1:{HIDDEN}@", text))
