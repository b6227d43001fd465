"""Fixes for an SMB server, and entries of the inventory; those of an NT status are in the statuses' own table."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, URL_NAME, URL_NAMES

_SHARE = URL_NAME.called("SHARE")

ALLOW_HOST = Fix("smb.conf: hosts allow = {agent}   # beside those that are there", agent=ADDRESS)
#: A target of the inventory: where a DFS link leads.
OTHER_SHARE = Fix("smb://{host}/{share}", host=BRACKETED_HOST, share=_SHARE)
OTHER_FOLDER = Fix(
    "smb://{host}/{share}?path={path}",
    host=BRACKETED_HOST,
    share=_SHARE,
    path=URL_NAMES,
)
