"""The file: where it is, who may read it, how it is opened and brought up to date."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path, PurePath
from urllib.parse import quote

from scanready.wire.printable import visible

from .errors import StoreError, explained, roll_back
from .migrations import MIGRATIONS, VERSION
from .permissions import check_place, trusted_path

#: Seconds that a writer waits for another run's commit. Commits take milliseconds; a longer lock belongs to a user's
#: SQLite shell, and no check waits for that.
PATIENCE = 5.0
#: Bytes of one row. A file of another origin may hold gigabytes in one. The targets of an estate without any result are
#: in one row: those of the largest inventory have 40 MB.
_LARGEST_ROW = 64 << 20
#: "scrd": tells our file from any other program's.
APPLICATION = 0x73637264
#: Bytes of a file's whole name that SQLite opens on POSIX: 512, with those that it adds for its log. Windows takes 260
#: characters, or 32,767 where its administrator permits them; Python makes fewer than a thousand levels of folders.
_LONGEST_NAME = 500


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the store, made or brought up to date if need be; only its owner may read a new one.

    Raises:
        StoreError: it cannot be written, is none of ours, or of a newer version.
    """
    _check_length(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = trusted_path(path)
        check_place(path, writing=True)
        _create(path)
        return _opened(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise StoreError(f"{path}: not a file name") from error
    except sqlite3.Error as error:
        raise StoreError(explained(path, error)) from error


def _check_length(path: Path) -> None:
    """Refuse a name that SQLite cannot open, before directories are made for it.

    Raises:
        StoreError: the name is too long.
    """
    length = len(os.fsencode(path.absolute()))
    if length > _LONGEST_NAME:
        raise StoreError(f"{visible(str(path), 120)}: the name has {length} bytes; at most {_LONGEST_NAME} are allowed")


def _create(path: Path) -> None:
    """Make the file if there is none, for its owner only; one that is there must let itself be opened for writing."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # the umask may have taken bits away
    except FileExistsError:
        descriptor = os.open(path, flags)
    os.close(descriptor)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a store that is there.

    Raises:
        StoreError: there is none, it is none of ours, or of a newer version.
    """
    _check_length(path)
    if os.path.exists(path):  # also of a name that is too long, of which Path.exists makes an exception
        path = trusted_path(path)
    check_place(path, writing=False)
    if not os.path.exists(path):
        raise StoreError(f"{path}: there are no stored runs yet; `check` and `verify` store theirs")
    try:
        connection = _read_only(path)
        try:
            version = _version(connection, path)
        except StoreError:
            connection.close()
            raise
        if version == VERSION:
            return connection
        connection.close()
    except sqlite3.Error as error:
        raise StoreError(explained(path, error)) from error
    return open_for_writing(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        version = _version(connection, path)
        _use_log(connection)
        # Without a wait for the disk at each commit: enough for a killed process, see the package's words.
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            _migrate(connection, path)
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log. SQLite does not wait with that for others who open the file just now; we do."""
    end = time.monotonic() + PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return  # or it has none, as on some network file systems: its own journal does as well


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date in one transaction; a second process finds the work done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, statements in enumerate(MIGRATIONS[_version(connection, path) :], _version(connection, path) + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
    except (sqlite3.Error, StoreError):
        roll_back(connection)
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version, application, tables = _marks(connection)
    if application != APPLICATION and (version or tables):
        raise StoreError(f"{path}: this is the database of another program; name another file with --store")
    if version > VERSION:
        raise StoreError(
            f"{path}: a newer scanready wrote this file (version {version}, this one reads {VERSION}); "
            "use the newer scanready, or name another file with --store"
        )
    return version


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """The version, whose file it is, and its tables; of one moment, as somebody else may be making the file."""
    questions = ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        version, application, tables = (int(connection.execute(question).fetchone()[0]) for question in questions)
    finally:
        if alone:
            roll_back(connection)
    return version, application, tables


def uri_of(path: PurePath) -> str:
    """Return an absolute path as SQLite's URI: without a host, which SQLite refuses, also on a share of Windows'."""
    name = path.as_posix()
    return f"file://{'' if name.startswith('/') else '/'}{quote(name, safe='/:')}"


def _read_only(path: Path) -> sqlite3.Connection:
    """Open without writing; as immutable if not even the index of the log can be created."""
    uri = uri_of(path.resolve()) + "?mode=ro"
    connection = _limited(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None))
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error):
            raise
        connection = _limited(sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None))
        connection.execute("SELECT count(*) FROM sqlite_master")
    return connection


def _limited(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_ROW)
    return connection


def close(connection: sqlite3.Connection) -> None:
    """Close; the last one to do so folds the log into the file."""
    with contextlib.suppress(sqlite3.Error):
        connection.close()
