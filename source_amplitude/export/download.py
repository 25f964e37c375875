"""Downloads one window into a verified archive on disk, whatever the network does on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

import requests

from source_amplitude.errors import PLEASE_REPORT, AmplitudeError, TransientError, UnexpectedError, keys_refused
from source_amplitude.export.archive import Archive, ArchiveDamagedError, TooManyMembersError
from source_amplitude.export.client import (
    ExportAnswer,
    ExportClient,
    access_denied,
    export_answer,
    hour_of_too_many_files,
    hour_refused,
)
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window
from source_amplitude.http import body
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import content_type, exception_text
from source_amplitude.http.retry import Retries, retry_after_seconds
from source_amplitude.threads import Cancellation

READ_TIMEOUT_SECONDS = 300.0
LONGEST_THROTTLED_SECONDS = 600.0
MOST_ARCHIVE_BYTES = 5 * 1024**3  # Amplitude serves 4 GB at most: https://amplitude.com/docs/apis/analytics/export


class TooMuchAtOnceError(Exception):
    """Reports that the window must be requested in smaller pieces."""

    def __init__(self, window: Window, reason: str) -> None:
        super().__init__(f"{window}: {reason}")
        self.reason = reason


class DiskFullError(Exception):
    """Reports that the temporary folder has no room for the archive."""

    def __init__(self, window: Window, needed_bytes: int) -> None:
        super().__init__(f"{window} needs at least {needed_bytes:,} bytes")
        self.needed_bytes = needed_bytes


class UnchangedError(Exception):
    """Reports that the answer has the length that it had before; its body was not read."""


class PassingError(Exception):
    """Reports something that may go well the next time.

    :param if_it_stays: the error to end with when it never does; otherwise a TransientError that quotes this one
    """

    def __init__(self, reason: str, if_it_stays: AmplitudeError | None = None) -> None:
        super().__init__(reason)
        self.if_it_stays = if_it_stays


class _ThrottledError(Exception):
    def __init__(self, retry_after: float | None, limit: int) -> None:
        super().__init__("429 Too Many Requests")
        self.retry_after = retry_after
        self.limit = limit


@dataclass
class Downloader:
    """Fetches windows, from any number of threads.

    :param limiter: the limit on requests in flight, shared by all downloads of a sync
    :param on_bytes: called with the number of bytes received, each time a chunk arrives
    """

    client: ExportClient
    limiter: ConcurrencyLimiter
    logger: logging.Logger
    on_bytes: Callable[[int], object]
    _has_logged_missing_length: bool = False

    def fetch(self, window: Window, cancellation: Cancellation, unless_bytes: int | None = None) -> Archive | None:
        """Downloads the archive of a window, complete and verified; None when nothing was uploaded in it.

        :param unless_bytes: an archive of this length is known, and not read
        :raises UnchangedError: the archive has this length
        :raises TooMuchAtOnceError: the window must be split
        :raises DiskFullError: no room in the temporary folder
        :raises Cancelled: nobody wants it any more
        :raises AmplitudeError: ConfigError (keys, an hour too large), TransientError (it kept failing),
            UnexpectedError (an answer nobody has seen)
        """
        retries = Retries(LONGEST_THROTTLED_SECONDS)
        while True:
            try:
                return self._try(window, cancellation, unless_bytes, retries.attempt)
            except _ThrottledError as error:
                wait = retries.throttled(error.retry_after)
                if wait is None:
                    raise _throttled_too_long(window, error) from error
                self.logger.info(
                    f"Export of {window}: 429 too many requests, waiting {wait:.1f} s; at most {error.limit} in flight"
                )
            except PassingError as error:
                cancellation.check()  # what ended may have been ended by that
                wait = retries.failed(error.__cause__)
                if wait is None:
                    raise (error.if_it_stays or _kept_failing(window, retries, error)) from error
                self.logger.warning(f"Export of {window}: {error}; {retries.next_try(wait)}")
            cancellation.sleep(wait)

    def _try(
        self, window: Window, cancellation: Cancellation, unless_bytes: int | None, attempt: int
    ) -> Archive | None:
        with self.limiter.acquire(window.first, cancellation) as generation:
            try:
                response = self.client.request(window, READ_TIMEOUT_SECONDS, attempt)
            except requests.ReadTimeout as error:
                reason = f"no answer within {READ_TIMEOUT_SECONDS:.0f} s"
                if window.can_be_split:
                    raise TooMuchAtOnceError(window, reason) from error
                raise PassingError(reason) from error
            except requests.RequestException as error:
                raise PassingError(exception_text(error)) from error
            with closing(response), cancellation.calling(lambda: _hang_up(response)):
                answer = export_answer(response)
                action = answer.action
                if action is Action.THROTTLED:
                    raise _ThrottledError(retry_after_seconds(response.headers), self.limiter.throttled(generation))
                archive = None
                if action is Action.READ and unless_bytes and self._length(response) == unless_bytes:
                    raise UnchangedError
                if action is Action.READ:
                    archive = spool(window, response, self.on_bytes)
                elif action is not Action.EMPTY:
                    raise self._error_of(window, answer)
        self.limiter.succeeded()
        return archive

    def _length(self, response: requests.Response) -> int | None:
        """Returns the length of the archive by the headers; None where they do not state it."""
        stated = body.stated_bytes(response)
        if stated is not None and "Content-Encoding" not in response.headers:
            return stated
        if not self._has_logged_missing_length:
            self._has_logged_missing_length = True
            self.logger.info(
                "Amplitude's responses carry no usable Content-Length: hours that may have late events are downloaded "
                "again in full, and their events counted"
            )
        return None

    def _error_of(self, window: Window, answer: ExportAnswer) -> Exception:
        action, words, _ = answer
        if action in (Action.SPLIT, Action.SPLIT_OR_RETRY) and window.can_be_split:
            return TooMuchAtOnceError(window, words)
        if action is Action.SPLIT:
            return hour_refused(window.start_param, answer)
        if action is Action.REFUSED:
            return keys_refused(self.client.region, f"Amplitude's answer was {words}.")
        if action is Action.REJECTED:
            return UnexpectedError(
                f"Amplitude gave an unexpected answer to the export of {window}: {words}. {PLEASE_REPORT}"
            )
        denied = access_denied(self.client.region, words) if action is Action.DENIED else None
        return PassingError(words, denied)


def _hang_up(response: requests.Response) -> None:
    with suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
        response.raw.shutdown()


def _throttled_too_long(window: Window, error: _ThrottledError) -> TransientError:
    asked = "" if error.retry_after is None else f", last Retry-After {error.retry_after:.0f} s"
    return TransientError(
        f"Amplitude has rate-limited the export of the hours {window} (429) for more than "
        f"{LONGEST_THROTTLED_SECONDS / 60:.0f} minutes{asked}. "
        "Other tools may be using the project's limit. The next sync continues with these hours."
    )


def _kept_failing(window: Window, retries: Retries, error: PassingError) -> TransientError:
    return TransientError(
        f"The export of the hours {window} failed {retries.spent}; the last error was: {error}. "
        "The next sync continues with these hours."
    )


def spool(window: Window, response: requests.Response, on_bytes: Callable[[int], object] = lambda _: None) -> Archive:
    """Spools the body of an answer to an unnamed temporary file, and returns it as a verified archive.

    :param on_bytes: as of `body.spool`
    :raises DiskFullError: no room
    :raises PassingError: the body did not arrive whole, or is no archive that can be read
    :raises TooMuchAtOnceError: it has more files than memory may hold, and the window can be split
    :raises TransientError: it is larger than any archive of Amplitude's
    """

    try:
        file, size = body.spool(response, MOST_ARCHIVE_BYTES, on_bytes)
    except body.FullDiskError as error:
        raise DiskFullError(window, error.needed_bytes) from error
    except body.BrokenBodyError as error:
        raise PassingError(str(error)) from error
    except body.TooLargeError as error:
        raise TransientError(
            f"The answer to the export of {window} is larger than {MOST_ARCHIVE_BYTES / 1e9:.1f} GB, and Amplitude "
            "serves 4 GB at most: it is not Amplitude's, or has no end. Check the proxies between the connector and "
            "Amplitude. The next sync continues with these hours."
        ) from error
    try:
        return Archive(file, size)
    except TooManyMembersError as error:
        if window.can_be_split:
            raise TooMuchAtOnceError(window, str(error)) from error
        raise PassingError(str(error), hour_of_too_many_files(window.start_param, str(error))) from error
    except ArchiveDamagedError as error:
        kind = content_type(response)
        raise PassingError(f"the answer is not a whole archive ({size:,} bytes, {kind}): {error}") from error
