"""The file of a cohort's members: from an answer to the disk, and from there to records, in bounded memory.

The format is not documented: CSV with a quoted header, the columns `amplitude_id`, `user_id` and one a property, in
which values may hold line breaks; as text or gzipped, which the answer's header may or may not say.
"""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, BinaryIO, cast

import requests

from source_amplitude.endpoints.answers import UnusableAnswerError
from source_amplitude.errors import ConfigError, UnexpectedError
from source_amplitude.http import body
from source_amplitude.records.coercion import CoercionStats

GZIP_MAGIC = b"\x1f\x8b"
NO_CSV_BEGINNINGS = (b"<", b"{", b"[")
AMPLITUDE_ID, USER_ID = "amplitude_id", "user_id"
LONGEST_VALUE = 2**31 - 1


def spool(response: requests.Response, cohort_id: str) -> BinaryIO:
    """The body of an answer in an unnamed temporary file, complete and checked, from its beginning.

    :raises UnusableAnswerError: it is no such file, or damaged
    :raises BrokenBodyError: it was cut short
    :raises ConfigError: no room for it
    """
    try:
        file, _ = body.spool(body.chunks(response))
    except body.FullDiskError as error:
        raise ConfigError(
            f"The temporary folder {tempfile.gettempdir()} has no room for the members of the cohort {cohort_id}. "
            "Give the connector more disk at TMPDIR."
        ) from error
    try:
        _check(file)
    except BaseException:
        file.close()
        raise
    return file


def member_records(
    file: BinaryIO, cohort_id: str, stats: CoercionStats, *, with_properties: bool
) -> Iterator[dict[str, Any]]:
    """The records of a spooled file.

    :param stats: counts the rows without an `amplitude_id` of 64 bits, which are left out, and lines that are repaired
    :raises ConfigError: a cohort of groups, which has no users
    :raises UnexpectedError: a row that has not as many values as the header, by its number and never by its content
    """
    csv.field_size_limit(LONGEST_VALUE)
    text = io.TextIOWrapper(_unzipped(file), "utf-8-sig", errors="surrogateescape", newline="")
    rows = _rows(_repaired(text, stats), cohort_id)
    header = [name.strip() for name in next(rows, [])]
    if header and AMPLITUDE_ID not in header:
        raise ConfigError(
            f"The cohort {cohort_id} has no column {AMPLITUDE_ID}, as a cohort of groups: "
            "leave it out of cohort_members.cohorts."
        )
    for number, row in enumerate(filter(None, rows), start=1):
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


def _repaired(lines: Iterable[str], stats: CoercionStats) -> Iterator[str]:
    """The lines with U+FFFD in place of bytes that are not UTF-8, and of NUL."""
    for line in lines:
        if line.isascii() and "\0" not in line:
            yield line
            continue
        repaired = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
        stats.repaired += repaired != line
        yield repaired


def _rows(lines: Iterable[str], cohort_id: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines)
    except csv.Error as error:
        raise UnexpectedError(f"The file of the cohort {cohort_id} is not CSV: {error}.") from error


def _check(file: BinaryIO) -> None:
    """That a gzipped file is whole, and that it begins as CSV does, before any of its rows goes out."""
    file.seek(0)
    unzipped = _unzipped(file)
    try:
        beginning = unzipped.read(body.CHUNK_BYTES)
        while isinstance(unzipped, gzip.GzipFile) and unzipped.read(body.CHUNK_BYTES):
            pass
    except (EOFError, OSError, zlib.error) as error:
        raise UnusableAnswerError(f"the gzipped file is damaged ({type(error).__name__})") from error
    if beginning.lstrip().startswith(NO_CSV_BEGINNINGS):
        raise UnusableAnswerError("200, but not a CSV file")
    file.seek(0)


def _unzipped(file: BinaryIO) -> IO[bytes]:
    is_gzipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_gzipped else file
