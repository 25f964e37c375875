"""Reads an export archive on disk: ZIP -> gzip members -> lines, in bounded memory.

Facts from https://amplitude.com/docs/apis/analytics/export: a ZIP archive (ZIP64 when large) of gzip files, each
newline-delimited JSON with one event a line.
"""

from __future__ import annotations

import gzip
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

_GzipFile: Callable[..., gzip.GzipFile] = gzip.GzipFile
try:
    from isal import igzip

    _GzipFile = cast(Callable[..., gzip.GzipFile], igzip.IGzipFile)
except ImportError:  # no wheel for this platform: slower, otherwise the same
    pass

READ_BYTES = 256 * 1024
MAX_LINE_BYTES = 8 * 1024 * 1024  # repairing a longer one can take 512 MiB; an event that Amplitude takes has 1 MB
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024  # some 50,000 members, for each of which `zipfile` takes 1.5 KB of memory
_EMPTY_LINES = re.compile(rb"\n{2,}")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_LINES_FOUND_ONE_BY_ONE = 1000
LONGEST_REASON = 200  # characters of a library's words, which may quote a name of 64 KB
_GZIP_MAGIC = b"\x1f\x8b"
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_END_OF_DIRECTORY_SIGNATURE = b"PK\x05\x06"
_ENTRIES_STATED_IN_ZIP64 = 0xFFFF
_ZIP64_END = struct.Struct("<4sQ2H2L4Q")
_ZIP64_END_SIGNATURE = b"PK\x06\x06"
_ZIP64_LOCATOR_BYTES = 20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LONGEST_EMPTY_MEMBER = 2 + 24  # bytes: deflated nothing, and a data descriptor with its signature and sizes of ZIP64


class ArchiveDamagedError(Exception):
    """Reports that the archive is not what Amplitude sent: cut short, changed, or no archive at all."""


class TooManyMembersError(Exception):
    """The directory of the archive is larger than memory may hold."""


class BadLineError(Exception):
    """Reports a line that is no event. Names the place, never the content."""


@dataclass(frozen=True)
class Piece:
    """Holds consecutive whole lines of one member, blank ones too, with line breaks between them.

    :param number: of the first line, from 1
    :param count: how many lines there are
    """

    member: str
    number: int
    count: int
    text: bytes


class Block:
    """Holds consecutive whole lines of an archive, of one member or of several small ones."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self.text = pieces[0].text if len(pieces) == 1 else b"\n".join(piece.text for piece in pieces)
        self.count = sum(piece.count for piece in pieces)

    def lines(self) -> list[tuple[int, bytes]]:
        """Returns the lines that are not blank, each with its place among all lines of the block, from 0."""
        return [(place, line) for place, line in enumerate(self.text.split(b"\n")) if line.strip()]

    def count_lines(self) -> int:
        """Counts the lines that are not blank."""
        return len(lines_of(self.text))

    def where(self, place: int) -> str:
        """Describes where a line is from, for a message."""
        for piece in self._pieces:
            if place < piece.count:
                return f"member {piece.member}, line {piece.number + place}"
            place -= piece.count
        raise IndexError("no line of this block")

    def starting_at(self, place: int) -> Block:
        """Returns the lines from a place on."""
        pieces = list(self._pieces)
        while place >= pieces[0].count:
            place -= pieces.pop(0).count
        first = pieces[0]
        lines = first.text.split(b"\n")[place:]
        return Block([Piece(first.member, first.number + place, len(lines), b"\n".join(lines)), *pieces[1:]])


class Archive:
    """Reads a verified export archive. It owns its file: closing it frees the disk, and so does an error here.

    Whatever the libraries raise while they read it is damage: what they find depends on which bytes are wrong.

    :raises ArchiveDamagedError: on construction, unless the directory is whole and every member's CRC is right
    :raises TooManyMembersError: on construction, when the directory is larger than `MAX_DIRECTORY_BYTES`
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file
        try:
            self._zip = zipfile.ZipFile(cast(BinaryIO, _BoundedReads(file)))
            self._members = [member for member in self._zip.infolist() if member.file_size or member.CRC]
            self._check_end()
            self._check_places()
            self._check_members()
        except BaseException as error:
            file.close()
            if isinstance(error, Exception) and not isinstance(error, TooManyMembersError):
                raise ArchiveDamagedError(_reason(error)) from error
            raise

    def blocks(self, read_bytes: int = READ_BYTES) -> Iterator[Block]:
        """Yields all lines in the archive's order, so many bytes of them at a time, or a line that is longer.

        :raises ArchiveDamagedError: a member is not gzip, or its gzip data is damaged
        :raises BadLineError: a line is longer than `MAX_LINE_BYTES`
        """
        return _blocks(self._pieces(read_bytes), read_bytes)

    def close(self) -> None:
        self._file.close()

    def _pieces(self, read_bytes: int) -> Iterator[Piece]:
        for member in self._members:
            yield from _pieces(member.filename[:LONGEST_REASON], self._inflated(member, read_bytes))

    def _inflated(self, member: zipfile.ZipInfo, read_bytes: int) -> Iterator[bytes]:
        try:
            with self._zip.open(member) as raw, _GzipFile(fileobj=raw, mode="rb") as inflated:
                while chunk := inflated.read(read_bytes):
                    yield chunk
        except Exception as error:
            raise ArchiveDamagedError(f"member {member.filename[:LONGEST_REASON]}: {_reason(error)}") from error

    def _check_end(self) -> None:
        """Refuses what `zipfile` accepts: a cut comment, and a directory whose damaged entry swallowed the next one."""
        comment_bytes = len(self._zip.comment)
        self._file.seek(-_END_OF_DIRECTORY.size - comment_bytes, 2)
        signature, *_, entries, _, _, stated_comment_bytes = _END_OF_DIRECTORY.unpack(
            self._file.read(_END_OF_DIRECTORY.size)
        )
        if signature != _END_OF_DIRECTORY_SIGNATURE or stated_comment_bytes != comment_bytes:
            raise zipfile.BadZipFile("the end of the archive is missing")
        found = len(self._zip.infolist())
        if not found:
            raise zipfile.BadZipFile("it has no members")
        if entries == _ENTRIES_STATED_IN_ZIP64:
            before = _ZIP64_END.size + _ZIP64_LOCATOR_BYTES
            self._file.seek(-before - _END_OF_DIRECTORY.size - comment_bytes, 2)
            signature, *_, stated, _, _ = _ZIP64_END.unpack(self._file.read(_ZIP64_END.size))
            entries = stated if signature == _ZIP64_END_SIGNATURE else entries
        if entries != found:
            raise zipfile.BadZipFile(f"the directory states {entries} members and names {found}")

    def _check_places(self) -> None:
        """Each member has a place of its own, and one without content has no room for any."""
        members = sorted(self._zip.infolist(), key=lambda member: member.header_offset)
        ends = [*(member.header_offset for member in members[1:]), self._zip.start_dir]
        for member, end in zip(members, ends, strict=True):
            if member.file_size or member.CRC:
                is_sound = member.header_offset < end
            else:
                self._file.seek(member.header_offset)
                *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
                content = member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
                is_sound = content <= end <= content + _LONGEST_EMPTY_MEMBER
            if not is_sound:
                raise zipfile.BadZipFile("the directory does not say where its members are")

    def _check_members(self) -> None:
        for member in self._members:
            with self._zip.open(member) as raw:
                if raw.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
                    raise zipfile.BadZipFile(f"member {member.filename} is not a gzip file")
                while raw.read(READ_BYTES):  # reading to the end makes zipfile compare the CRC
                    pass


class _BoundedReads:
    """A file from which a directory that is too large is not read: `zipfile` reads it in one go, and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise TooManyMembersError(f"its directory has {size:,} bytes, and at most {MAX_DIRECTORY_BYTES:,} are read")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _blocks(pieces: Iterable[Piece], most_bytes: int) -> Iterator[Block]:
    waiting: list[Piece] = []
    waiting_bytes = 0
    found: ArchiveDamagedError | BadLineError | None = None
    try:
        for piece in pieces:
            if waiting and waiting_bytes + len(piece.text) > most_bytes:
                yield Block(waiting)
                waiting, waiting_bytes = [], 0
            waiting.append(piece)
            waiting_bytes += len(piece.text)
    except (ArchiveDamagedError, BadLineError) as error:
        found = error  # raised behind the lines before it
    if waiting:
        yield Block(waiting)
    if found:
        raise found


def lines_of(text: bytes) -> list[bytes]:
    """Returns the lines of a text that are not blank."""
    if b"\n\n" in text:  # an eighth of the time of a pattern that is not there
        text = _EMPTY_LINES.sub(b"\n", text)
    return [line for line in text.split(b"\n") if line.strip()]


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:LONGEST_REASON]


def _pieces(member: str, inflated: Iterable[bytes]) -> Iterator[Piece]:
    number = 1
    unfinished: list[bytes] = []
    unfinished_bytes = 0
    for position, chunk in enumerate(inflated):
        rest = chunk if position else chunk.removeprefix(BYTE_ORDER_MARK)
        count, first, last = _line_breaks(rest)
        if unfinished_bytes + (first if count else len(rest)) > MAX_LINE_BYTES:
            raise BadLineError(f"member {member}, line {number}: longer than {MAX_LINE_BYTES:,} bytes")
        if count:
            yield Piece(member, number, count, b"".join([*unfinished, memoryview(rest)[:last]]))
            number += count
            unfinished, unfinished_bytes = [], 0
            rest = rest[last + 1 :]
        unfinished.append(rest)
        unfinished_bytes += len(rest)
    if any(unfinished):
        yield Piece(member, number, 1, b"".join(unfinished))


def _line_breaks(chunk: bytes) -> tuple[int, int, int]:
    """Counts line breaks, and finds the first and the last one: faster than `count` for long lines."""
    count, last = 0, -1
    first = found = chunk.find(b"\n")
    while found >= 0:
        count, last = count + 1, found
        if count == MOST_LINES_FOUND_ONE_BY_ONE:
            return count + chunk.count(b"\n", last + 1), first, chunk.rfind(b"\n")
        found = chunk.find(b"\n", found + 1)
    return count, first, last
