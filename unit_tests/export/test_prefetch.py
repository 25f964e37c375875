import errno
import io
import logging
import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.limits import STUCK_SECONDS, scaled, wait_until
from source_amplitude.errors import ConfigError
from source_amplitude.export import prefetch
from source_amplitude.export.archive import Archive
from source_amplitude.export.download import DiskFullError, TooMuchAtOnceError
from source_amplitude.export.prefetch import Prefetcher
from source_amplitude.export.width import AdaptiveWidth
from source_amplitude.export.windows import HOUR, Window
from source_amplitude.progress import Progress
from source_amplitude.threads import Cancellation, Cancelled
from unit_tests.archives import an_export

UTC = timezone.utc
START = datetime(2024, 1, 1, tzinfo=UTC)
LOGGER = logging.getLogger("test")


def an_archive() -> Archive:
    data = an_export(b"{}\n")
    return Archive(io.BytesIO(data), len(data))


def a_prefetcher(fetch: Any, hours: int, width: int = 24, workers: int = 3) -> Prefetcher:
    ranges = [Window(START, START + (hours - 1) * HOUR)]
    return Prefetcher(fetch, ranges, AdaptiveWidth(width), workers, LOGGER, Progress(LOGGER))


def test_given_several_ranges_then_each_is_read_in_turn_and_never_what_lies_between() -> None:
    ranges = [Window(START + first * HOUR, START + last * HOUR) for first, last in ((0, 4), (10, 10), (20, 23))]

    def fetch(window: Window, _: Cancellation) -> Archive | None:
        if window.hours > 2:
            raise TooMuchAtOnceError(window, "too much")
        return None

    downloads = Prefetcher(fetch, ranges, AdaptiveWidth(3), 2, LOGGER, Progress(LOGGER))
    hours = [
        int((download.window.first - START) / HOUR) + number
        for download in downloads
        for number in range(download.window.hours)
    ]
    assert hours == [0, 1, 2, 3, 4, 10, 20, 21, 22, 23]


@settings(max_examples=60)
@given(
    hours=st.integers(1, 200),
    width=st.integers(1, 50),
    workers=st.integers(1, 5),
    too_much=st.integers(1, 60),
    delays=st.lists(st.sampled_from([0, 0, 0.001]), min_size=1),
)
def test_given_any_width_and_any_refusals_then_every_hour_once_and_in_order(
    hours: int, width: int, workers: int, too_much: int, delays: list[float]
) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(delays[window.first.hour % len(delays)])
        with lock:
            running[0] -= 1
        if window.hours > too_much:
            raise TooMuchAtOnceError(window, "too much")
        return None

    windows = [download.window for download in a_prefetcher(fetch, hours, width, workers)]
    assert [window.first + i * HOUR for window in windows for i in range(window.hours)] == [
        START + i * HOUR for i in range(hours)
    ]
    assert most[0] <= workers


def test_given_an_error_in_a_later_window_then_the_earlier_ones_come_first() -> None:
    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        if window.first == START + 48 * HOUR:
            raise KeyError("broken")
        time.sleep(0.02)
        return None

    downloads = a_prefetcher(fetch, 96)
    assert [next(downloads).window.first for _ in range(2)] == [START, START + 24 * HOUR]
    with pytest.raises(KeyError):
        next(downloads)


def test_given_a_full_disk_then_one_window_at_a_time_and_nothing_is_lost() -> None:
    lock, open_archives = threading.Lock(), []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        with lock:
            if [archive for archive in open_archives if not archive._file.closed]:
                raise DiskFullError(window, 1_000)
            open_archives.append(an_archive())
            return open_archives[-1]  # type: ignore[no-any-return]

    seen = []
    for download in a_prefetcher(fetch, 96):
        assert download.archive is not None
        seen.append(download.window.first)
        download.archive.close()
    assert seen == [START + i * 24 * HOUR for i in range(4)]


def test_given_a_full_disk_then_nobody_waits_for_slow_downloads_that_are_not_wanted_any_more() -> None:
    abandoned: list[datetime] = []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        if window.first == START and len(abandoned) < 2:
            raise DiskFullError(window, 1_000)
        if window.first > START and len(abandoned) < 2:
            try:
                cancellation.sleep(3600)
            except Cancelled:
                abandoned.append(window.first)
                raise
        return None

    windows = [download.window for download in a_prefetcher(fetch, 96)]
    assert [window.first for window in windows] == [START + i * 24 * HOUR for i in range(4)]
    assert sorted(abandoned) == [START + 24 * HOUR, START + 48 * HOUR]


def test_given_close_then_downloads_under_way_are_told_to_end() -> None:
    ended = threading.Semaphore(0)

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        if window.first == START:
            return None
        with cancellation.calling(ended.release):
            cancellation.sleep(3600)
        return None

    downloads = a_prefetcher(fetch, 96)
    next(downloads)
    downloads.close()
    for _ in range(3):
        assert ended.acquire(timeout=scaled(STUCK_SECONDS))


@pytest.mark.parametrize("workers", [1, 3])
def test_given_a_busy_reader_then_the_workers_go_on_downloading(workers: int) -> None:
    started = []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        started.append(window)
        return None

    downloads = a_prefetcher(fetch, 240, workers=workers)
    next(downloads)
    wait_until(lambda: len(started) >= 1 + workers, "the workers to download ahead")
    time.sleep(0.05)
    assert len(started) == 1 + workers


def test_given_a_refusal_then_only_the_oldest_window_is_asked_for_until_a_width_has_worked() -> None:
    asked: list[int] = []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        asked.append(window.hours)
        if window.hours > 4:
            raise TooMuchAtOnceError(window, "too much")
        return None

    assert sum(download.window.hours for download in a_prefetcher(fetch, 72)) == 72
    assert sorted(hours for hours in asked if hours > 4) == [6, 12, 24, 24, 24]


def test_given_refusals_ahead_then_one_window_at_a_time_then_in_parallel_again_and_then_wider() -> None:
    lock, together = threading.Lock(), threading.Barrier(3, timeout=scaled(STUCK_SECONDS))
    asked: list[int] = []
    running, most_running_at_first, is_served = 0, 0, False

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        nonlocal running, most_running_at_first, is_served
        with lock:
            asked.append(window.hours)
            number = asked.count(12)
        if window.first == START:
            wait_until(lambda: len(asked) == 3, "two windows ahead, which are refused")
            return None
        with lock:
            if not is_served and window.hours == 24:
                raise TooMuchAtOnceError(window, "too much")
            running += 1
            if not is_served:
                most_running_at_first = max(most_running_at_first, running)
        if number == 1:
            time.sleep(0.1)  # for those that must not be asked for meanwhile
        elif number in (5, 6, 7):
            together.wait()  # three at once, or it fails
        with lock:
            running -= 1
            is_served = True
        return None

    widths = [download.window.hours for download in a_prefetcher(fetch, 24 * 20)]
    assert most_running_at_first == 1
    assert asked[:4] == [24, 24, 24, 12]
    assert widths[:17] == [24] + [12] * 16
    assert set(widths[17:-1]) == {12, 18}, "some of 12 were planned before"
    assert widths[1:-1] == sorted(widths[1:-1])


def test_given_a_disk_too_small_for_a_window_then_narrower_ones() -> None:
    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        if window.hours > 5:
            raise DiskFullError(window, 1_000)
        return None

    windows = [download.window for download in a_prefetcher(fetch, 24)]
    assert sum(window.hours for window in windows) == 24
    assert max(window.hours for window in windows) <= 5


def test_given_a_disk_too_small_for_an_hour_then_an_error_with_the_bytes_and_the_settings() -> None:
    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        raise DiskFullError(window, 123_000_000) from OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ConfigError) as caught:
        next(a_prefetcher(fetch, 2))
    for told in ("123 MB", "TMPDIR", "num_workers", "batch_size_hours", "20240101T00"):
        assert told in str(caught.value.message)


def test_given_little_free_space_then_no_download_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        started.append(window)
        return None

    class Usage:
        free = 1_000

    monkeypatch.setattr(prefetch.shutil, "disk_usage", lambda _: Usage)
    downloads = a_prefetcher(fetch, 96)
    next(downloads)
    time.sleep(0.05)
    assert len(started) == 1
    assert len(list(downloads)) == 3


def test_given_close_then_what_was_downloaded_ahead_is_freed() -> None:
    archives = []

    def fetch(window: Window, cancellation: Cancellation) -> Archive | None:
        archive = an_archive()
        archives.append(archive)
        return archive

    downloads = a_prefetcher(fetch, 96)
    taken = next(downloads).archive
    wait_until(lambda: len(archives) == 4, "three archives ahead")
    downloads.close()
    assert [archive for archive in archives if not archive._file.closed] == [taken]
    assert len(archives) == 4
    assert list(downloads) == []


def test_windows_left_counts_down() -> None:
    downloads = a_prefetcher(lambda *_: None, 72)
    left = []
    for _ in downloads:
        left.append(downloads.windows_left())
    assert left == [2, 1, 0]
