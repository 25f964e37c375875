"""An export archive on disk: ZIP -> gzip members -> lines, in bounded memory.

Facts from https://amplitude.com/docs/apis/analytics/export: a ZIP archive (ZIP64 when large) of gzip files, each
newline-delimited JSON with one event a line.
"""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

_GzipFile: Callable[..., gzip.GzipFile] = gzip.GzipFile
_InflateError: Any = zlib.error
try:
    from isal import igzip, isal_zlib

    _GzipFile = cast(Callable[..., gzip.GzipFile], igzip.IGzipFile)
    _InflateError = isal_zlib.error
except ImportError:  # no wheel for this platform: slower, otherwise the same
    pass

READ_BYTES = 256 * 1024
MAX_LINE_BYTES = 256 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_END_OF_DIRECTORY_SIGNATURE = b"PK\x05\x06"
_ENTRIES_STATED_IN_ZIP64 = 0xFFFF
_DAMAGE = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    _InflateError,
    zlib.error,
    EOFError,
    struct.error,
    RuntimeError,  # zipfile's word for an encrypted member, and through a subclass for an unknown compression
    ValueError,
)


class ArchiveDamagedError(Exception):
    """The archive is not what Amplitude sent: cut short, changed, or no archive at all."""


@dataclass(frozen=True)
class Block:
    """Consecutive whole lines of one member, blank ones too, with line breaks between them.

    :param number: of the first line, from 1
    :param count: how many lines there are
    """

    member: str
    number: int
    count: int
    text: bytes

    def numbered_lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank, with their numbers."""
        return ((self.number + place, line) for place, line in enumerate(self.text.split(b"\n")) if line.strip())

    def starting_at(self, number: int) -> Block:
        """The lines from the one with this number on."""
        lines = self.text.split(b"\n")[number - self.number :]
        return Block(self.member, number, len(lines), b"\n".join(lines))


class Archive:
    """A verified export archive. It owns its file, and closing it frees the disk.

    :raises ArchiveDamagedError: on construction, unless the directory is whole and every member's CRC is right
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
            self._members = [member for member in self._zip.infolist() if member.file_size]
            self._check_end()
            self._check_members()
        except _DAMAGE as error:
            raise ArchiveDamagedError(str(error)) from error

    def blocks(self, read_bytes: int = READ_BYTES) -> Iterator[Block]:
        """All lines in the archive's order, so many bytes of them at a time, or a line that is longer.

        :raises ArchiveDamagedError: a member is not gzip, or its gzip data is damaged
        """
        for member in self._members:
            try:
                with self._zip.open(member) as raw, _GzipFile(fileobj=raw, mode="rb") as inflated:
                    yield from _blocks(member.filename, inflated, read_bytes)
            except _DAMAGE as error:
                raise ArchiveDamagedError(f"member {member.filename}: {error}") from error

    def close(self) -> None:
        self._file.close()

    def _check_end(self) -> None:
        """`zipfile` accepts a cut comment, and a directory in which a damaged entry swallowed the next one."""
        comment_bytes = len(self._zip.comment)
        self._file.seek(-_END_OF_DIRECTORY.size - comment_bytes, 2)
        signature, *_, entries, _, _, stated_comment_bytes = _END_OF_DIRECTORY.unpack(
            self._file.read(_END_OF_DIRECTORY.size)
        )
        if signature != _END_OF_DIRECTORY_SIGNATURE or stated_comment_bytes != comment_bytes:
            raise zipfile.BadZipFile("the end of the archive is missing")
        found = len(self._zip.infolist())
        if entries not in (found, _ENTRIES_STATED_IN_ZIP64):
            raise zipfile.BadZipFile(f"the directory states {entries} members and names {found}")

    def _check_members(self) -> None:
        for member in self._members:
            with self._zip.open(member) as raw:
                if raw.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
                    raise zipfile.BadZipFile(f"member {member.filename} is not a gzip file")
                while raw.read(READ_BYTES):  # reading to the end makes zipfile compare the CRC
                    pass


def _blocks(member: str, inflated: gzip.GzipFile, read_bytes: int) -> Iterator[Block]:
    number = 1
    unfinished: list[bytes] = []
    unfinished_bytes = 0
    while chunk := inflated.read(read_bytes):
        count, first, last = _line_breaks(chunk)
        if unfinished_bytes + (first if count else len(chunk)) > MAX_LINE_BYTES:
            raise ArchiveDamagedError(f"member {member}: line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        if count:
            yield Block(member, number, count, b"".join([*unfinished, memoryview(chunk)[:last]]))
            number += count
            unfinished, unfinished_bytes = [], 0
            chunk = chunk[last + 1 :]
        unfinished.append(chunk)
        unfinished_bytes += len(chunk)
    if any(unfinished):
        yield Block(member, number, 1, b"".join(unfinished))


def _line_breaks(chunk: bytes) -> tuple[int, int, int]:
    """How many line breaks there are, and where the first and the last one is: faster than `count` for long lines."""
    count, last = 0, -1
    first = found = chunk.find(b"\n")
    while found >= 0:
        count, last = count + 1, found
        found = chunk.find(b"\n", found + 1)
    return count, first, last
