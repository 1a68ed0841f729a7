"""The door to SQLite: opens database files the ways this project needs them."""

import sqlite3
from pathlib import Path

Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError
VERSION = sqlite3.sqlite_version

MOST_PARAMETERS = 500
"""Most values of an `IN (…)` list; SQLite takes 32,766 parameters a statement, and fewer keep its plans small."""


def open_durable(path: Path) -> Connection:
    """Open a database whose committed transactions survive a crash of the process or the machine.

    The write-ahead log lets readers go on while one writer commits; `synchronous=FULL` has a commit wait for the disk.
    """
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def open_scratch(path: Path) -> Connection:
    """Open a database that is thrown away when its writer dies: fast, nothing waits for the disk."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    # 64 MiB whatever the corpus: the default of 2 MiB makes a million random inserts crawl
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA temp_store=FILE")
    return connection


def open_immutable(path: Path) -> Connection:
    """Open a finished file for reading from any thread, without locks: nobody writes it again.

    Raises:
        DatabaseError: The file is not there. That its content is no database shows at the first statement.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def copy_compact(connection: Connection, target: Path) -> None:
    """Write the database anew, rows in key order, without free pages: equal content gives equal bytes."""
    connection.execute("VACUUM INTO ?", (str(target),))
