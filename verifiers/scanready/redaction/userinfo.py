"""Mask the password of ``user:password@host`` and of ``password=...``, where an operator's text is repeated."""

from __future__ import annotations

import re

from .redactor import HIDDEN

# The functions of `re` compile these patterns when a text is first repeated, not at each start.
# The password ends at the last "@" of the word, for it may hold one itself; so may the user of a URL.
# A URL with a user and no password, the whole word of it, is none: the colon of its scheme begins no password.
_USER_ONLY = r"//[^\s:/@]+@[^\s@]*(?:\s|$)"
_USERINFO = (
    r"((?:^|(?<=[\s\"'`(<\[{,;=|]))(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^\s:/@]*):(?!" + _USER_ONLY + r")[^\s]*@(?=\S|$)"
)
_IN_URL = r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*):[^\s/]*@"
# The settings of connection strings, of any tool: "jdbc:sqlserver://db;user=er;password=...".
_SETTING = r"(?i)((?<![^\W_])(?:password|passwd|pwd|passphrase|secret|token) ?= ?)[^\s;&,'\"`]+"


def without_passwords(text: str) -> str:
    """Return ``text`` with asterisks for each password between a colon and the ``@`` behind it, or behind its name."""
    text = re.sub(_SETTING, rf"\1{HIDDEN}", text)
    return re.sub(_USERINFO, rf"\1:{HIDDEN}@", re.sub(_IN_URL, rf"\1:{HIDDEN}@", text))
