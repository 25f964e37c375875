"""Logs how far a sync is while something takes long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

PROGRESS_SECONDS = 30.0
T = TypeVar("T")


def counted(number: int, noun: str) -> str:
    """Writes a number with its noun: `1 hour`, `2,000 hours`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


class Progress:
    """Logs how far a sync is whenever nothing was logged for `PROGRESS_SECONDS`.

    Only the thread that waits and reads may use it; threads that download report their bytes with `received`.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._logged_at = time.monotonic()
        self._bytes = 0
        self._lock = threading.Lock()

    def received(self, size: int) -> None:
        """Counts bytes that have come; from any thread."""
        with self._lock:
            self._bytes += size

    @property
    def megabytes(self) -> float:
        """Returns what has come so far, in MB (10^6 bytes)."""
        return self._bytes / 1e6

    def log(self, text: str) -> None:
        self._logger.info(text)
        self._logged_at = time.monotonic()

    def is_due(self) -> bool:
        return self._seconds_left() <= 0

    def result_of(self, future: Future[T], describe: Callable[[], str]) -> T:
        """Returns or raises the result of a future, and logs what `describe` returns while it waits."""
        while not wait([future], self._seconds_left()).done:
            self.log(describe())
        return future.result()

    def _seconds_left(self) -> float:
        return max(0.0, self._logged_at + PROGRESS_SECONDS - time.monotonic())
