"""Opens SQLite databases: durable, temporary or read-only. The only module that imports sqlite3."""

import sqlite3
from pathlib import Path

Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError
VERSION = sqlite3.sqlite_version

MOST_PARAMETERS = 500
"""Most values of an `IN (…)` list; SQLite takes 32,766 parameters a statement, and fewer keep its plans small."""


def open_durable(path: Path) -> Connection:
    """Open a database whose committed transactions survive a crash of the process or the machine.

    With the write-ahead log, readers are not blocked while one writer commits; with `synchronous=FULL`, a commit
    waits for the disk.
    """
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def open_scratch(path: Path) -> Connection:
    """Open a database that is discarded after a crash: fast, because no write waits for the disk."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    # 64 MiB for any corpus; with the default of 2 MiB a million random inserts are very slow
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA temp_store=FILE")
    return connection


def open_immutable(path: Path) -> Connection:
    """Open a finished file read-only, for any thread and without locks: it must not be written again.

    Raises:
        DatabaseError: The file does not exist. Content that is not a database is detected by the first statement.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def copy_compact(connection: Connection, target: Path) -> None:
    """Copy the database with rows in key order and without free pages: equal content gives equal bytes."""
    connection.execute("VACUUM INTO ?", (str(target),))
