"""Appends to the output file of `sync`, which always ends with a whole line when a sync begins."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from source_amplitude.airbyte.state_file import lock, sync_folder
from source_amplitude.errors import ConfigError

BEGINNING_OF_A_MESSAGE = b'{"type":"'
PIECE_BYTES = 64 * 1024


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
        self._size = self._status().st_size

    def sync(self, written: int) -> None:
        """Waits until everything is on disk.

        :param written: how many bytes were appended since the file was opened
        :raises OSError: they did not get there, or are not in the file any more
        """
        os.fsync(self.file.fileno())
        status = self._status()
        if not status.st_nlink:
            raise OSError(errno.ENOENT, "it was removed while the sync ran")
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
        lock(file.fileno(), "output", self.path)
        if is_new:
            sync_folder(self.path)
        return file

    def _cut_off_half_a_line(self) -> int:
        """Removes what a killed sync has left behind the last line break. Returns how many bytes that were."""
        size = self._status().st_size
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
        end = size
        while end > 0:
            start = max(0, end - PIECE_BYTES)
            found = os.pread(self.file.fileno(), end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _part(self, start: int, end: int) -> bytes:
        """Reads how a line begins, without zeros, which a crash of the system leaves at the end of a file."""
        length = min(end - start, len(BEGINNING_OF_A_MESSAGE))
        return os.pread(self.file.fileno(), length, start).rstrip(b"\0")

    def _status(self) -> os.stat_result:
        return os.fstat(self.file.fileno())
