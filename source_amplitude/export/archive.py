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
Line = bytes | memoryview
_SPACE = 0x20
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
class Lines:
    """Consecutive non-empty lines of one member; the first of them is line `number` (from 1, blank lines counted)."""

    member: str
    numbers: range | list[int]
    lines: list[Line]


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

    def lines(self) -> Iterator[Lines]:
        """All non-empty lines in the archive's order, some hundred at a time.

        :raises ArchiveDamagedError: a member is not gzip, or its gzip data is damaged
        """
        for member in self._members:
            try:
                with self._zip.open(member) as raw, _GzipFile(fileobj=raw, mode="rb") as inflated:
                    yield from _split(member.filename, inflated)
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


def _split(member: str, inflated: gzip.GzipFile) -> Iterator[Lines]:
    number = 1
    unfinished: list[bytes] = []
    unfinished_bytes = 0
    while chunk := inflated.read(READ_BYTES):
        end = chunk.find(b"\n")
        unfinished.append(chunk[:end] if end >= 0 else chunk)
        unfinished_bytes += len(unfinished[-1])
        if unfinished_bytes > MAX_LINE_BYTES:
            raise ArchiveDamagedError(f"member {member}: line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        if end >= 0:
            lines, start = whole_lines(chunk, end + 1)
            lines.insert(0, b"".join(unfinished))
            unfinished, unfinished_bytes = [chunk[start:]], len(chunk) - start
            yield _without_blanks(member, number, lines)
            number += len(lines)
    last = b"".join(unfinished)
    if last:
        yield _without_blanks(member, number, [last])


def whole_lines(chunk: bytes, start: int = 0) -> tuple[list[Line], int]:
    """The lines from `start` on, and where the one begins that is not whole."""
    lines: list[Line] = []
    view = memoryview(chunk)  # copies of the lines would cost more than parsing them
    while (end := chunk.find(b"\n", start)) >= 0:
        lines.append(view[start:end])
        start = end + 1
    return lines, start


def _without_blanks(member: str, number: int, lines: list[Line]) -> Lines:
    if not any(map(_is_blank, lines)):
        return Lines(member, range(number, number + len(lines)), lines)
    kept = [position for position, line in enumerate(lines) if not _is_blank(line)]
    return Lines(member, [number + position for position in kept], [lines[position] for position in kept])


def _is_blank(line: Line) -> bool:
    return not line or (line[0] <= _SPACE and not bytes(line).strip())
