import errno
import io
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError
from source_amplitude.export.download import DiskFullError, Downloader, PassingError, TooMuchAtOnceError, spool
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window
from source_amplitude.http import body, retry
from source_amplitude.threads import Cancelled
from unit_tests.answers import Answer, ExportClientStub, Waits, an_answer
from unit_tests.archives import an_export
from unit_tests.clock import Clock

LOGGER = logging.getLogger("test")
FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
AN_HOUR = Window(FIRST, FIRST)
A_DAY = Window(FIRST, FIRST + timedelta(hours=23))
ARCHIVE = an_answer(200, an_export(b'{"a":1}\n'), Content_Type="application/zip")


def unheard(_size: int) -> None:
    """Nobody is told how many bytes have come."""


EMPTY = an_answer(404, b"Raw data files were not found.")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.random, "uniform", lambda _low, _high: 1.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry.time, "monotonic", clock)
    return clock


def fetch(window: Window, *answers: Answer, waits: Waits | None = None, limit: int = 3) -> Any:
    downloader = Downloader(ExportClientStub(*answers), ConcurrencyLimiter(limit), LOGGER, unheard)  # type: ignore[arg-type]
    return downloader.fetch(window, waits or Waits())


def test_given_failures_that_pass_then_longer_waits_each_time_and_the_archive() -> None:
    waits = Waits()
    failing = an_answer(503), requests.ConnectionError("reset"), an_answer(200, b"<html>"), an_answer(404, b"who?")
    archive = fetch(A_DAY, *failing, ARCHIVE, waits=waits)
    assert waits.seconds == [1, 2, 4, 8]
    assert [line for block in archive.blocks() for _, line in block.lines()] == [b'{"a":1}']


def test_given_an_empty_window_then_none() -> None:
    assert fetch(A_DAY, EMPTY) is None


def test_given_failures_that_stay_then_five_tries() -> None:
    waits = Waits()
    with pytest.raises(TransientError, match="failed 5 times; the last error was: 404 who\\?"):
        fetch(A_DAY, an_answer(404, b"who?"), waits=waits)
    assert waits.seconds == [1, 2, 4, 8]


def test_given_429_then_retry_after_is_kept_to_and_otherwise_the_waits_grow() -> None:
    waits = Waits()
    throttled = an_answer(429), an_answer(429), an_answer(429, Retry_After="17"), an_answer(429)
    fetch(A_DAY, *throttled, ARCHIVE, waits=waits)
    assert waits.seconds == [1, 2, 17, 8]


def test_given_429_for_more_than_ten_minutes_then_an_error_with_the_last_retry_after(clock: Clock) -> None:
    waits = Waits(clock)
    with pytest.raises(TransientError, match="for more than 10 minutes, last Retry-After 250 s"):
        fetch(A_DAY, an_answer(429, Retry_After="250"), waits=waits)
    assert waits.seconds == [250, 250]


def test_given_a_success_then_the_limit_learns_of_it() -> None:
    limiter = ConcurrencyLimiter(2)
    limiter._limit = 1
    downloader = Downloader(ExportClientStub(EMPTY), limiter, LOGGER, unheard)  # type: ignore[arg-type]
    for _ in range(4):
        downloader.fetch(A_DAY, Waits())
    assert limiter._limit == 2


@pytest.mark.parametrize(
    "answer",
    [an_answer(400, b"no"), an_answer(413), an_answer(504), requests.ReadTimeout()],
    ids=["400", "413", "504", "time-out"],
)
def test_given_a_range_that_is_too_much_then_it_is_to_be_split(answer: Answer) -> None:
    with pytest.raises(TooMuchAtOnceError):
        fetch(A_DAY, answer)


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (an_answer(400, b"exceeds the maximum of 4GB"), ConfigError, "S3 export"),
        (an_answer(413), ConfigError, "S3 export"),
        (an_answer(400, b"cross-project views"), ConfigError, "refuses to export the hour 20240101T00 (400 cross"),
        (an_answer(504), TransientError, "failed 5 times"),
        (requests.ReadTimeout(), TransientError, "no answer within 300 s"),
        (an_answer(401), ConfigError, "Authentication failed."),
        (an_answer(403, b"Invalid API Key"), ConfigError, "Amplitude's answer was 403 Invalid API Key"),
        (an_answer(403, b"Blocked"), ConfigError, "is denied (403 Blocked)"),
        (an_answer(407), ConfigError, "is denied (407"),
        (an_answer(418), UnexpectedError, "418"),
        (an_answer(302), TransientError, "302"),
        (an_answer(204), TransientError, "204"),
        (an_answer(511), TransientError, "511"),
    ],
)
def test_what_an_answer_to_a_single_hour_ends_with(answer: Answer, kind: type[AmplitudeError], told: str) -> None:
    with pytest.raises(AmplitudeError) as caught:
        fetch(AN_HOUR, answer)
    assert type(caught.value) is kind
    assert told in caught.value.message


def test_given_refused_keys_then_no_second_request() -> None:
    client = ExportClientStub(an_answer(401))
    with pytest.raises(ConfigError):
        Downloader(client, ConcurrencyLimiter(1), LOGGER, unheard).fetch(A_DAY, Waits())  # type: ignore[arg-type]
    assert client.asked == [A_DAY]


def test_given_cancelled_then_failures_are_not_tried_again() -> None:
    waits = Waits()

    def cancelled_meanwhile() -> requests.Response:
        waits.cancel()
        raise requests.ConnectionError

    client = ExportClientStub(cancelled_meanwhile)
    with pytest.raises(Cancelled):
        Downloader(client, ConcurrencyLimiter(1), LOGGER, unheard).fetch(A_DAY, waits)  # type: ignore[arg-type]
    assert client.asked == [A_DAY]


class FullDisk(io.BytesIO):
    def __init__(self, free: int, code: int) -> None:
        super().__init__()
        self._free = free
        self._code = code

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._free:
            raise OSError(self._code, "no room")
        return super().write(data)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize(("headers", "needed"), [({"Content_Length": "5000"}, 5000), ({}, 3000)])
def test_given_a_full_disk_then_told_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, code: int, headers: dict[str, str], needed: int
) -> None:
    monkeypatch.setattr(body.tempfile, "TemporaryFile", lambda **_: FullDisk(100, code))
    with pytest.raises(DiskFullError) as caught:
        fetch(A_DAY, an_answer(200, b"x" * 3000, **headers))
    assert caught.value.needed_bytes == needed


def test_given_another_trouble_with_the_disk_then_it_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body.tempfile, "TemporaryFile", lambda **_: FullDisk(100, errno.EIO))
    with pytest.raises(OSError, match="no room"):
        fetch(A_DAY, an_answer(200, b"x" * 3000))


class Trickle:
    """A body of which so many bytes come in each second."""

    def __init__(self, clock: Clock, *bytes_a_second: int) -> None:
        self._clock = clock
        self._left = list(bytes_a_second)

    def read1(self, *_: Any, **__: Any) -> bytes:
        self._clock.now += 1
        return b"x" * self._left.pop(0) if self._left else b""


def spooled(clock: Clock, *bytes_a_second: int) -> str:
    response = requests.Response()
    response.raw = Trickle(clock, *bytes_a_second)
    with pytest.raises(PassingError) as caught:
        spool(AN_HOUR, response)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "stalls"),
    [
        ([1023] * 60, True),
        ([1024] * 60, False),
        ([1] * 59, False),
        ([10_000_000] + [1024] * 59 + [1] * 60, True),
        ([1] * 59 + [100_000] + [1024] * 60, False),
    ],
    ids=["too slow", "just fast enough", "for less than a minute", "slow after a fast minute", "fast in the end"],
)
def test_a_body_below_a_kilobyte_a_second_for_a_minute_has_stalled(clock: Clock, body: list[int], stalls: bool) -> None:
    assert ("the body stalled" in spooled(clock, *body)) == stalls
