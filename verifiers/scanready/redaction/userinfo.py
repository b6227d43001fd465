"""Mask the password of ``user:password@host``, in a URL or without a scheme, where an operator's text is repeated."""

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


def without_passwords(text: str) -> str:
    """Return ``text`` with asterisks for each password between a colon and the ``@`` behind it."""
    return _USERINFO.sub(rf"\1:{HIDDEN}@", _IN_URL.sub(rf"\1:{HIDDEN}@", text))
