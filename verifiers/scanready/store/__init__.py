"""Store every run of ``check`` and ``verify`` in one SQLite file, written as results arrive.

A result is shown only after it is committed: a process that is killed loses the targets under way, but nothing that
was shown. Commits go through a write-ahead log without a wait for the disk, so a power failure may cost the last
seconds; it never costs the file. Results are kept as the lines of JSON that ``--format jsonl`` prints, without secrets.

The store knows nothing of reports: it keeps text under names. If it cannot be written, the run warns once and
continues.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .permissions import remarks

if TYPE_CHECKING:
    from .bulk import BulkWriter
    from .journal import Account, AccountRecord, Event, HostLogin, forget, read_accounts
    from .locks import RunLock
    from .names import looks_like_a_run
    from .new_run import NewRun
    from .place import default_path
    from .reading import Store, StoredRun
    from .under_way import agent_number, settled
    from .writer import Writer

__all__ = [
    "Account",
    "AccountRecord",
    "BulkWriter",
    "Event",
    "HostLogin",
    "NewRun",
    "RunLock",
    "Store",
    "StoreError",
    "StoredRun",
    "Writer",
    "agent_number",
    "default_path",
    "forget",
    "looks_like_a_run",
    "read_accounts",
    "remarks",
    "settled",
]

#: The modules of the names that are imported at their first use, so that no packet waits for SQLite.
_ELSEWHERE = {
    "Account": "journal",
    "AccountRecord": "journal",
    "BulkWriter": "bulk",
    "Event": "journal",
    "HostLogin": "journal",
    "NewRun": "new_run",
    "RunLock": "locks",
    "Store": "reading",
    "StoredRun": "reading",
    "Writer": "writer",
    "agent_number": "under_way",
    "default_path": "place",
    "forget": "journal",
    "looks_like_a_run": "names",
    "read_accounts": "journal",
    "settled": "under_way",
}


def __getattr__(name: str) -> Any:
    """Import a part of the store at its first use."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
