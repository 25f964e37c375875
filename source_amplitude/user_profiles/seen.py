"""Collects the distinct users of events on disk: memory stays flat, and the order depends on the ids alone."""

from __future__ import annotations

import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from source_amplitude.errors import ConfigError, no_temporary_folder
from source_amplitude.user_profiles.users import Kind, User

PAIRS_IN_MEMORY = 50_000
USERS_A_PAGE = 1000
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
CREATE TABLE users (digest BLOB PRIMARY KEY, kind TEXT, id TEXT, part INTEGER) WITHOUT ROWID;
CREATE TABLE devices_of_users (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_CHOSEN = "FROM users WHERE kind = ? AND (? IS NULL OR part = ?) AND digest > ?"


class SeenUsers:
    """Keeps who was seen in events: users with a user id by that, and devices that no user was seen on.

    The events come in parts, and a user belongs to the first part in which it was seen.

    Kept in a database, ordered by a digest of the ids. Its file in the temporary folder has no name, so that the disk
    is free when the process ends. Up to 50,000 pairs of ids wait in memory to be written together.

    :raises ConfigError: the temporary folder is full, or cannot be written to
    """

    def __init__(self) -> None:
        self._part = 0
        self._pairs: set[tuple[str | None, str | None]] = set()
        self._database = _new_database()

    def add(self, user_id: str | None, device_id: str | None) -> None:
        """Adds the user and the device of an event; either may be missing or empty."""
        self._pairs.add((user_id or None, device_id or None))
        if len(self._pairs) >= PAIRS_IN_MEMORY:
            self._write()

    def end_part(self) -> int:
        """Begins another part with what is added from here on; returns the number of the one that ends."""
        self._write()
        self._part += 1
        return self._part - 1

    def finish(self) -> None:
        """Ends the adding: devices on which users were seen are removed."""
        self._write()
        self._execute("DELETE FROM users WHERE digest IN (SELECT digest FROM devices_of_users)")
        self._execute("DROP TABLE devices_of_users")

    def count(self, kind: Kind, part: int | None = None, after: bytes = b"") -> int:
        """Counts those with a greater digest, in one part or in all."""
        [(number,)] = self._execute(f"SELECT count(*) {_CHOSEN}", (kind, part, part, after))
        return int(number)

    def after(self, digest: bytes, kind: Kind, part: int | None = None) -> Iterator[User]:
        """Yields those with a greater digest, in the order of their digests; more may be added while they are read."""
        page = f"SELECT digest, id {_CHOSEN} ORDER BY digest LIMIT {USERS_A_PAGE}"
        while rows := self._execute(page, (kind, part, part, digest)).fetchall():
            yield from (User(kind, id_) for _, id_ in rows)
            digest = rows[-1][0]

    def close(self) -> None:
        self._database.close()

    def _write(self) -> None:
        users = {User("user_id", user) for user, _ in self._pairs if user}
        users |= {User("device_id", device) for user, device in self._pairs if device and not user}
        taken = {User("device_id", device).digest for user, device in self._pairs if device and user}
        self._pairs.clear()
        self._execute("BEGIN")
        self._execute(
            "INSERT OR IGNORE INTO users VALUES (?, ?, ?, ?)", [(u.digest, u.kind, u.id, self._part) for u in users]
        )
        self._execute("INSERT OR IGNORE INTO devices_of_users VALUES (?)", [(digest,) for digest in taken])
        self._execute("COMMIT")

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Executes a statement once, or for each of several rows."""
        execute = self._database.executemany if values and isinstance(values[0], list) else self._database.execute
        try:
            return execute(statement, *values)
        except sqlite3.OperationalError as error:
            raise _no_room(error) from error


def _new_database() -> sqlite3.Connection:
    try:
        # Not SQLite's own temporary files: it looks for a folder of its own choice.
        with tempfile.TemporaryDirectory() as folder:
            database = sqlite3.connect(Path(folder) / "users", isolation_level=None)
            database.executescript(_SCHEMA)
            return database
    except sqlite3.OperationalError as error:
        raise _no_room(error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(error) from error
        raise no_temporary_folder(error) from error


def _no_room(error: Exception) -> ConfigError:
    return ConfigError(
        f"The temporary folder {tempfile.gettempdir()} cannot hold the list of active users ({error}). "
        "Give it more space, or point TMPDIR to a larger disk; fewer lookback_days make the list shorter."
    )
