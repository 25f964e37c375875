"""One window -> one verified archive on disk, whatever the network does on the way."""

from __future__ import annotations

import errno
import logging
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import requests
import urllib3

from source_amplitude.errors import (
    AUTHENTICATION_FAILED,
    Action,
    RegionHint,
    answer_text,
    config_error,
    exception_text,
    export_action,
    no_temporary_folder,
    system_error,
    transient_error,
)
from source_amplitude.events.archive import Archive, ArchiveDamagedError
from source_amplitude.events.slots import RequestSlots
from source_amplitude.events.windows import Window, halves

CONNECT_TIMEOUT_SECONDS = 30.0
READ_TIMEOUT_SECONDS = 300.0
MAX_TRIES = 5
NO_DATA_TEXT = "Raw data files were not found"
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_THROTTLED_SECONDS = 600.0
STALL_SECONDS = 60.0
STALL_BYTES_PER_SECOND = 1024
CHUNK_BYTES = 256 * 1024

_NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TooMuchAtOnceError(Exception):
    """The window must be asked for in smaller pieces."""

    def __init__(self, window: Window, reason: str) -> None:
        super().__init__(f"{window}: {reason}")
        self.window = window
        self.reason = reason


class DiskFullError(Exception):
    """The temporary folder has no room for the archive."""

    def __init__(self, window: Window, needed_bytes: int) -> None:
        super().__init__(f"{window} needs at least {needed_bytes:,} bytes")
        self.window = window
        self.needed_bytes = needed_bytes


class _PassingError(Exception):
    """Something that may go well the next time."""


class _ThrottledError(Exception):
    def __init__(self, retry_after: float | None) -> None:
        super().__init__("429 Too Many Requests")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Downloader:
    """Fetches windows.

    :param send: sends the export request of a window, with a read time-out in seconds, and returns the answer with its
        body unread
    :param region: the configured region, for the hint when keys are refused
    :param slots: the limit on requests in flight, shared by all downloads of a sync
    """

    send: Callable[[Window, float], requests.Response]
    region: str
    slots: RequestSlots
    logger: logging.Logger

    def fetch(self, window: Window) -> Archive | None:
        """The archive of a window, complete and verified; None when nothing was uploaded in it.

        :raises TooMuchAtOnceError: the window must be halved
        :raises DiskFullError: no room in the temporary folder
        :raises Cancelled: the sync is over
        :raises AirbyteTracedException: config_error (keys, an hour too large), transient_error (it kept failing),
            system_error (an answer nobody has seen)
        """
        tries = 0
        throttled_since: float | None = None
        throttled = 0
        while True:
            try:
                with self.slots.one(window.first):
                    archive = self._try(window)
                self.slots.succeeded()
                return archive
            except _ThrottledError as error:
                limit = self.slots.fewer()
                now = time.monotonic()
                throttled_since = throttled_since if throttled_since is not None else now
                throttled += 1
                wait = error.retry_after if error.retry_after is not None else _exponential(throttled)
                if now + wait - throttled_since > LONGEST_THROTTLED_SECONDS:
                    raise transient_error(
                        f"Amplitude kept answering 429 (too many requests) for the hours {window}, at last asking to "
                        f"wait {wait:.0f} s; more than {LONGEST_THROTTLED_SECONDS / 60:.0f} minutes are too long. "
                        "Other tools may be using the project's limit."
                    ) from error
                self.logger.info(
                    f"Export of {window}: 429 too many requests, waiting {wait:.1f} s; at most {limit} in flight"
                )
                self.slots.sleep(wait)
            except _PassingError as error:
                throttled_since = None
                tries += 1
                if tries >= MAX_TRIES:
                    raise transient_error(
                        f"The export of the hours {window} failed {MAX_TRIES} times, at last with: {error}. "
                        "The next sync continues with these hours."
                    ) from error
                wait = _exponential(tries)
                self.logger.warning(f"Export of {window}: {error}; try {tries + 1} of {MAX_TRIES} in {wait:.1f} s")
                self.slots.sleep(wait)

    def close(self) -> None:
        """End the waits of downloads that nobody asks for any more."""
        self.slots.close()

    def _try(self, window: Window) -> Archive | None:
        try:
            response = self.send(window, READ_TIMEOUT_SECONDS)
        except requests.ReadTimeout as error:
            reason = f"no answer within {READ_TIMEOUT_SECONDS:.0f} s"
            if halves(window):
                raise TooMuchAtOnceError(window, reason) from error
            raise _PassingError(reason) from error
        except requests.RequestException as error:
            raise _PassingError(exception_text(error)) from error
        with closing(response):
            return self._archive(window, response)

    def _archive(self, window: Window, response: requests.Response) -> Archive | None:
        action = export_action(response)
        if action is Action.READ:
            return spool(window, response)
        if action is Action.EMPTY:
            if NO_DATA_TEXT not in (text := answer_text(response)):
                self.logger.warning(f"Export of {window}: taken as empty by a 404 in other words than usual: {text}")
            return None
        if action is Action.WAIT:
            raise _ThrottledError(retry_after_seconds(response.headers.get("Retry-After")))
        said = f"{response.status_code} {answer_text(response) or response.reason}"
        if action in (Action.NARROW, Action.NARROW_OR_RETRY) and halves(window):
            raise TooMuchAtOnceError(window, said)
        if action is Action.NARROW:
            raise config_error(
                f"Amplitude cannot export the hour {window.start_param} through its API ({said}). "
                "If the hour is above 4 GB, move it with Amplitude's S3 export and set start_date after it."
            )
        if action is Action.REFUSED:
            raise config_error(f"{AUTHENTICATION_FAILED} {RegionHint(self.region)}", f"export {window}: {said}")
        if action is Action.FAIL:
            raise system_error(f"Amplitude gave an unexpected answer to the export of {window}: {said}")
        raise _PassingError(said)


def spool(window: Window, response: requests.Response) -> Archive:
    """The body of an answer as a verified archive in an unnamed temporary file, which vanishes with its last user.

    :raises DiskFullError: no room
    """
    expected = int(response.headers.get("Content-Length") or 0)
    try:
        file: BinaryIO = tempfile.TemporaryFile(prefix="source-amplitude-")  # noqa: SIM115 - the archive owns it
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise DiskFullError(window, expected) from error
        raise no_temporary_folder(error) from error
    try:
        size = 0
        for chunk in _chunks(response):
            try:
                file.write(chunk)
            except OSError as error:
                raise _disk_error(error, window, max(expected, size + len(chunk))) from error
            size += len(chunk)
        try:
            file.flush()
        except OSError as error:
            raise _disk_error(error, window, max(expected, size)) from error
        return Archive(file, size)
    except ArchiveDamagedError as error:
        _discard(file)
        kind = response.headers.get("Content-Type", "no content type")
        raise _PassingError(f"the answer is not a whole archive ({size:,} bytes, {kind}): {error}") from error
    except BaseException:
        _discard(file)
        raise


def _disk_error(error: OSError, window: Window, needed_bytes: int) -> Exception:
    return DiskFullError(window, needed_bytes) if error.errno in _FULL_DISK else error


def _discard(file: BinaryIO) -> None:
    # Closing flushes what a full disk refused before; the file is unnamed, so it is gone all the same.
    with suppress(OSError):
        file.close()


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives; one that trickles below 1 KB/s for a minute counts as a broken connection."""
    since, received = time.monotonic(), 0
    try:
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            yield chunk
            received += len(chunk)
            elapsed = time.monotonic() - since
            if elapsed >= STALL_SECONDS:
                if received < STALL_BYTES_PER_SECOND * elapsed:
                    raise _PassingError(f"the body stalled: {received:,} bytes in {elapsed:.0f} s")
                since, received = time.monotonic(), 0
    except _NETWORK_ERRORS as error:
        raise _PassingError(f"the body was cut short: {exception_text(error)}") from error


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date); None without one that makes sense."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def _exponential(attempt: int) -> float:
    """Seconds to wait before try `attempt` + 1: doubling, with jitter so that parallel requests spread out."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
