"""Keeps the two files of `sync`, locked while one runs: the state is replaced as a whole or not at all, and the output,
which is appended to, always ends with a whole line when a sync begins.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from source_amplitude.airbyte.files import state_from
from source_amplitude.errors import ConfigError

# What the CDK puts into the state of a finished snapshot, and of a table that comes in one answer.
WITHOUT_A_PLACE = {"__ab_full_refresh_sync_complete", "__ab_no_cursor_state_message"}
BEGINNING_OF_A_MESSAGE = b'{"type":"'
PIECE_BYTES = 64 * 1024


class StateFile:
    """Keeps the newest state of each stream in a file that `read --state` takes too.

    Each commit writes a new file, waits until it is on disk, and renames it over the old one: whatever happens, the
    path has the state of the last commit. Other processes are kept out by a lock on a second file (`PATH.lock`), which
    stays, since a lock on the state file itself would go with the file that is replaced.

    :param path: a symbolic link is followed, so that the file that it names is replaced and not the link
    """

    def __init__(self, path: str) -> None:
        self.path = Path(os.path.realpath(path))
        self._new = self.path.with_name(f"{self.path.name}.new")
        self._beside = self.path.with_name(f"{self.path.name}.lock")
        self._entries: list[dict[str, Any]] = []
        self._mode: int | None = None

    def uses(self, path: str) -> bool:
        """Tells whether a path is that of the state, or of one of the two files beside it."""
        return Path(os.path.realpath(path)) in (self.path, self._new, self._beside)

    def open(self) -> bool:
        """Locks the file, reads it, and replaces it by the same content, so that a commit that cannot work fails now.

        :returns: whether the file was there; otherwise it is made, with no states
        :raises ConfigError: another sync has it, it cannot be read or written, or holds something else than states
        """
        try:
            lock = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise ConfigError(
                f"The file {self._beside}, which keeps two syncs from using one state, cannot be made: "
                f"{error.strerror}."
            ) from error
        _lock(lock, "state", self.path)  # it stays open
        content = b"[]\n"
        if is_there := self.path.exists():
            if not self.path.is_file():
                raise ConfigError(f"The state file {self.path} is not a file: it could not be replaced.")
            try:
                content = self.path.read_bytes()
                self._mode = self.path.stat().st_mode & 0o7777
            except OSError as error:
                raise ConfigError(f"The state file {self.path} cannot be read: {error.strerror}.") from error
            state_from(str(self.path))
            self._entries = json.loads(content) or []
        try:
            self._replace(content)
        except OSError as error:
            is_mounted = error.errno == errno.EBUSY
            hint = ": mount its folder instead of the file alone" if is_mounted else ""
            raise ConfigError(f"The state file {self.path} cannot be written: {error.strerror}{hint}.") from error
        return is_there

    def commit(self, state: Mapping[str, Any]) -> None:
        """Replaces the state of one stream, and keeps those of other streams.

        A snapshot that is finished leaves none, so that the next sync begins a new one.

        :param state: what a STATE message has under `state`
        :raises OSError: the file could not be written; it is as it was
        """
        stream = state["stream"]
        name = stream["stream_descriptor"]["name"]
        kept = [
            each for each in self._entries if each.get("stream", {}).get("stream_descriptor", {}).get("name") != name
        ]
        if continues(stream["stream_state"]):
            kept.append({"type": "STREAM", "stream": stream})
        self._replace(_lines(kept))
        self._entries = kept

    def _replace(self, content: bytes) -> None:
        with open(self._new, "wb", opener=_open_new) as file:
            if self._mode is not None:
                os.fchmod(file.fileno(), self._mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._new.replace(self.path)
        _sync_folder(self.path)


def continues(stream_state: Mapping[str, Any]) -> bool:
    """Tells whether a state has a place to continue from."""
    return not WITHOUT_A_PLACE & stream_state.keys()


class OutputFile:
    """Keeps a file of messages locked and open for appending.

    :param path: a regular file, or none yet; a symbolic link is followed
    :raises ConfigError: it cannot be written, another sync has it, it is no file, or holds something else than messages
    """

    def __init__(self, path: str) -> None:
        self.path = Path(os.path.realpath(path))
        try:
            self.file = self._open()
            self.cut_off = self._cut_off_half_a_line()
        except OSError as error:
            raise ConfigError(f"The output file {self.path} cannot be written: {error.strerror}.") from error
        self._size = os.fstat(self.file.fileno()).st_size

    def sync(self, written: int) -> None:
        """Waits until everything is on disk.

        :param written: how many bytes were appended since the file was opened
        :raises OSError: they did not get there, or are not in the file any more
        """
        os.fsync(self.file.fileno())
        status = os.fstat(self.file.fileno())
        if not status.st_nlink:
            raise OSError(errno.ENOENT, "it was removed while the sync ran")
        # Who loads what is at the path would miss what is written from then on.
        if not (self.path.exists() and os.path.samestat(status, self.path.stat())):
            raise OSError(errno.ENOENT, "it was moved while the sync ran")
        if status.st_size < self._size + written:
            raise OSError(errno.EIO, "it was cut while the sync ran")

    def _open(self) -> IO[bytes]:
        is_new = not self.path.exists()
        if not is_new and not stat.S_ISREG(self.path.stat().st_mode):  # before it is opened: a FIFO would wait
            raise ConfigError(
                f"The output file {self.path} is not a file: nobody could tell when its records are on disk. "
                "The command read writes to a pipe."
            )
        file = self.path.open("a+b", buffering=0)
        _lock(file.fileno(), "output", self.path)
        if is_new:
            _sync_folder(self.path)
        return file

    def _cut_off_half_a_line(self) -> int:
        """Removes what a killed sync has left behind the last line break. Returns how many bytes that were."""
        size = os.fstat(self.file.fileno()).st_size
        end = self._end_of_the_last_line(size)
        for line in (self._part(0, size), self._part(end, size)):
            if not BEGINNING_OF_A_MESSAGE.startswith(line):
                raise ConfigError(
                    f"The output file {self.path} holds something else than messages of a sync: name another file."
                )
        if end < size:
            os.ftruncate(self.file.fileno(), end)
        return size - end

    def _end_of_the_last_line(self, size: int) -> int:
        """Finds the place behind the last line break; 0 without one."""
        for start in reversed(range(0, size, PIECE_BYTES)):
            found = os.pread(self.file.fileno(), min(PIECE_BYTES, size - start), start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
        return 0

    def _part(self, start: int, end: int) -> bytes:
        """Reads how a line begins, without zeros, which a crash of the system leaves at the end of a file."""
        length = min(end - start, len(BEGINNING_OF_A_MESSAGE))
        return os.pread(self.file.fileno(), length, start).rstrip(b"\0")


def _sync_folder(path: Path) -> None:
    """Waits until the entry of a new file in its folder is on disk.

    :raises OSError: it did not get there
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(descriptor: int, kind: str, path: Path) -> None:
    """Keeps other syncs from a file, until this process ends.

    :raises ConfigError: another process has it, or the file system has no locks
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"Another sync is running with the {kind} file {path}: wait until it has ended, or use another file."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The {kind} file {path} cannot be locked: {error.strerror}. Use a file system that has locks."
        ) from error


def _open_new(path: str, flags: int) -> int:
    with suppress(FileNotFoundError):  # what a killed sync has left
        os.unlink(path)  # noqa: PTH108 - a link that somebody put there is removed, not followed
    return os.open(path, flags | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _lines(entries: list[dict[str, Any]]) -> bytes:
    """Writes a JSON array with an entry a line, so that a person can read and compare it."""
    texts = [json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries]
    return ("[" + ",\n".join(texts) + "]\n").encode()
