"""Reads the file of a cohort's members: from an answer to the disk, and from there to records, in bounded memory.

The format is not documented: CSV with a quoted header, the columns `amplitude_id`, `user_id` and one a property, in
which values may hold line breaks; as text or gzipped, which the answer's header may or may not say.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

import requests

from source_amplitude.endpoints.answers import UnusableAnswerError
from source_amplitude.errors import ConfigError, UnexpectedError
from source_amplitude.http import body
from source_amplitude.records.coercion import CoercionStats

GZIP_MAGIC = b"\x1f\x8b"
AMPLITUDE_ID, USER_ID = "amplitude_id", "user_id"
# Ten million users, which is what Amplitude serves at most, with 2 KB each; also when it is gzipped.
LARGEST_FILE_BYTES = 20_000_000_000
# A row is held in memory.
LARGEST_ROW_CHARACTERS = 4_000_000


def spool(response: requests.Response, cohort_id: str) -> BinaryIO:
    """Writes the body of an answer to an unnamed temporary file, complete and checked, from its beginning.

    :raises UnusableAnswerError: it is no such file, or damaged
    :raises BrokenBodyError: it was cut short
    :raises ConfigError: no room for it, or larger than anything that this package reads
    """
    try:
        file, _ = body.spool(response, LARGEST_FILE_BYTES)
        try:
            _check(file)
        except BaseException:
            file.close()
            raise
    except body.TooLargeError as error:
        raise ConfigError(
            f"The file of the cohort {cohort_id} is larger than {LARGEST_FILE_BYTES / 1e6:,.0f} MB, which is more than "
            "this connector reads: leave the cohort out of cohort_members.cohorts, or ask for fewer user properties."
        ) from error
    except body.FullDiskError as error:
        raise ConfigError(
            f"The temporary folder {tempfile.gettempdir()} has no room for the members of the cohort {cohort_id}. "
            "Give the connector more disk at TMPDIR."
        ) from error
    return file


def member_records(
    file: BinaryIO, cohort_id: str, stats: CoercionStats, *, with_properties: bool
) -> Iterator[dict[str, Any]]:
    """Yields the records of a spooled file.

    :param stats: counts the rows without an `amplitude_id` of 64 bits, which are left out, and lines that are repaired
    :raises ConfigError: a cohort of groups, which has no users
    :raises UnexpectedError: a row that has not as many values as the header, by its number and never by its content
    """
    csv.field_size_limit(LARGEST_ROW_CHARACTERS)
    text = io.TextIOWrapper(_unzipped(file), "utf-8-sig", errors="surrogateescape", newline="")
    rows = filter(None, _rows(text, cohort_id, stats))
    header = [name.strip() for name in next(rows, [])]
    if AMPLITUDE_ID not in header:
        raise ConfigError(
            f"The cohort {cohort_id} has no column {AMPLITUDE_ID}, as a cohort of groups: "
            "leave it out of cohort_members.cohorts."
        )
    for number, row in enumerate(rows, start=1):
        try:
            member = dict(zip(header, row, strict=True))
        except ValueError as error:
            raise UnexpectedError(f"Row {number} of the cohort {cohort_id} is not that of a member.") from error
        amplitude_id = _amplitude_id(member.pop(AMPLITUDE_ID))
        if amplitude_id is None:
            stats.left_out += 1
            continue
        record = {
            "cohort_id": cohort_id,
            AMPLITUDE_ID: amplitude_id,
            USER_ID: member.pop(USER_ID, None) or None,
        }
        yield {**record, "properties": member} if with_properties else record


def _amplitude_id(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def _rows(text: IO[str], cohort_id: str, stats: CoercionStats) -> Iterator[list[str]]:
    """Yields the rows of a file.

    :raises UnexpectedError: one is longer than may be held in memory, or they are no CSV
    """
    number = characters = 0  # of the row whose lines are read

    def lines() -> Iterator[str]:
        nonlocal characters
        while line := text.readline(LARGEST_ROW_CHARACTERS + 1):
            characters += len(line)
            if characters > LARGEST_ROW_CHARACTERS:
                raise UnexpectedError(
                    f"Row {number} of the cohort {cohort_id} has more than {LARGEST_ROW_CHARACTERS:,} characters, "
                    "which is more than this connector reads."
                )
            yield _repaired(line, stats)

    try:
        for row in csv.reader(lines()):
            number, characters = number + 1, 0
            yield row
    except csv.Error as error:
        raise UnexpectedError(f"The file of the cohort {cohort_id} is not CSV: {error}.") from error


def _repaired(line: str, stats: CoercionStats) -> str:
    """Returns a line with U+FFFD in place of bytes that are not UTF-8, and of NUL."""
    if line.isascii() and "\0" not in line:
        return line
    repaired = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
    stats.repaired += repaired != line
    return repaired


def _check(file: BinaryIO) -> None:
    """Checks that a gzipped file is whole, and that it begins as CSV does, before any of its rows goes out."""
    file.seek(0)
    unzipped = _unzipped(file)
    try:
        beginning = unzipped.read(body.CHUNK_BYTES)
        if isinstance(unzipped, gzip.GzipFile):
            for _ in body.limited(iter(lambda: unzipped.read(body.CHUNK_BYTES), b""), LARGEST_FILE_BYTES):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise UnusableAnswerError(f"the gzipped file is damaged ({type(error).__name__})") from error
    text = beginning.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise UnusableAnswerError("200, but an empty file")  # that of a cohort without members has a header
    if text.startswith((b"<", b"{", b"[")):
        raise UnusableAnswerError("200, but not a CSV file")
    file.seek(0)


def _unzipped(file: BinaryIO) -> IO[bytes]:
    is_gzipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_gzipped else file
