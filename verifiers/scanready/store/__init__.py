"""Store every run of ``check`` and ``verify`` in one SQLite file, written as results arrive.

A result is shown only after it is committed: a process that is killed loses the targets under way, but nothing that
was shown. Commits go through a write-ahead log without a wait for the disk, so a power failure may cost the last
seconds; it never costs the file. Results are kept as the lines of JSON that ``--format jsonl`` prints, without secrets.

The store knows nothing of reports: it keeps text under names. If it cannot be written, the run warns once and
continues.
"""

from __future__ import annotations

from .bulk import BulkWriter
from .database import default_path
from .errors import StoreError
from .journal import Account, AccountRecord, Event, HostLogin, forget, read_accounts
from .locks import RunLock
from .names import looks_like_a_run
from .new_run import NewRun
from .permissions import remarks
from .reading import Store, StoredRun
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
    "default_path",
    "forget",
    "looks_like_a_run",
    "read_accounts",
    "remarks",
]
