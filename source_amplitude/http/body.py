"""Reads the bodies of answers as they arrive, and puts large ones on disk."""

from __future__ import annotations

import errno
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

import requests

from source_amplitude.errors import no_temporary_folder
from source_amplitude.http.answers import BODY_ERRORS, exception_text

CHUNK_BYTES = 256 * 1024
STALL_SECONDS = 60.0
STALL_BYTES_PER_SECOND = 1024

_LENGTHS = re.compile(r"[0-9]{1,18}(?: *, *[0-9]{1,18})*", re.ASCII)
_GZIP = 31  # for zlib: with the header and the checksum of gzip
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BrokenBodyError(Exception):
    """Reports a body that does not arrive whole; the next answer may. The message never holds its content."""


class TooLargeError(Exception):
    """Reports a body that is larger than anything that this package reads."""


class FullDiskError(Exception):
    """Reports that the temporary folder has no room.

    :param needed_bytes: so many at least
    """

    def __init__(self, needed_bytes: int) -> None:
        super().__init__(f"at least {needed_bytes:,} bytes are needed")
        self.needed_bytes = needed_bytes


def stated_bytes(response: requests.Response) -> int | None:
    """Returns the length of a body by its headers; None where they state none, or several."""
    stated = response.headers.get("Content-Length", "").strip()
    lengths = {int(length) for length in stated.split(",")} if _LENGTHS.fullmatch(stated) else set()
    return lengths.pop() if len(lengths) == 1 else None


def chunks(response: requests.Response) -> Iterator[bytes]:
    """Reads a body as it arrives, decompressed where its headers say that it is compressed.

    :raises BrokenBodyError: it was cut short, or came at less than 1 KB/s for a minute
    """
    # urllib3 takes gzip that ends too early for a whole body.
    if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
        return _inflated(_arriving(response, decode=False))
    return _arriving(response, decode=True)


def _arriving(response: requests.Response, *, decode: bool) -> Iterator[bytes]:
    since, received = time.monotonic(), 0
    try:
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=decode):
            yield chunk
            received += len(chunk)
            elapsed = time.monotonic() - since
            if elapsed >= STALL_SECONDS:
                if received < STALL_BYTES_PER_SECOND * elapsed:
                    raise BrokenBodyError(f"the body stalled: {received:,} bytes in {elapsed:.0f} s")
                since, received = time.monotonic(), 0
    except BODY_ERRORS as error:
        raise BrokenBodyError(f"the body was cut short: {exception_text(error)}") from error


def whole(response: requests.Response, most_bytes: int) -> bytes:
    """Reads a body that must fit into memory.

    :raises BrokenBodyError: as `chunks`
    :raises TooLargeError: it is larger
    """
    return b"".join(limited(chunks(response), most_bytes))


def limited(pieces: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """Passes on what comes, up to a size.

    :raises TooLargeError: there is more
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most_bytes:
            raise TooLargeError(f"it is larger than {most_bytes / 1e6:,.0f} MB")
        yield piece


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Inflates gzip of one or more members, at most `CHUNK_BYTES` at once.

    :raises BrokenBodyError: it is damaged, or its end is missing
    """
    inflate, is_empty = zlib.decompressobj(_GZIP), True
    try:
        for piece in pieces:
            rest, is_empty = piece, False
            while rest:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP)
                if inflated := inflate.decompress(rest, CHUNK_BYTES):
                    yield inflated
                rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        if inflated := inflate.flush():
            yield inflated
    except zlib.error as error:
        raise BrokenBodyError("the gzipped body is damaged") from error
    if not (inflate.eof or is_empty):
        raise BrokenBodyError("the gzipped body ends too early")


def spool(
    response: requests.Response, most_bytes: int, on_bytes: Callable[[int], object] = lambda _: None
) -> tuple[BinaryIO, int]:
    """Writes a body into an unnamed temporary file, which vanishes with its last user; returns the file and its size.

    :param on_bytes: called with the number of bytes received, each time a chunk arrives
    :raises BrokenBodyError: as `chunks`
    :raises TooLargeError: it is larger
    :raises FullDiskError: no room
    :raises ConfigError: no temporary folder
    """
    size = 0
    try:
        file = cast("BinaryIO", tempfile.TemporaryFile(prefix="source-amplitude-"))  # noqa: SIM115 - the caller owns it
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise FullDiskError(stated_bytes(response) or 0) from error
        raise no_temporary_folder(error) from error
    try:
        for chunk in limited(chunks(response), most_bytes):
            size += len(chunk)
            file.write(chunk)
            on_bytes(len(chunk))
        file.flush()
    except BaseException as error:
        with suppress(OSError):  # closing flushes what a full disk refused before, and may fail again
            file.close()
        if isinstance(error, OSError) and error.errno in _FULL_DISK:
            raise FullDiskError(max(stated_bytes(response) or 0, size)) from error
        raise
    return file, size
