"""Reads one snapshot: users in order, several requests in flight, and the count of what became of them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from itertools import islice

from source_amplitude.progress import Progress
from source_amplitude.records.coercion import CoercionStats, log_coercions
from source_amplitude.threads import in_order
from source_amplitude.user_profiles.fetch import Fetcher, FetchResult, FetchStatus
from source_amplitude.user_profiles.users import Group, User, Users

REQUESTS_IN_FLIGHT = 20
USERS_AHEAD = 100


class Snapshot:
    """Reads the users that are left, in portions; `users` has the state after the last one that was dealt with."""

    def __init__(self, users: Users, fetcher: Fetcher, logger: logging.Logger) -> None:
        self.users = users
        self._fetcher = fetcher
        self._logger = logger
        self._progress = Progress(logger)
        self._started_at = time.monotonic()
        self._counts: Counter[FetchStatus] = Counter()
        self._coercions = CoercionStats()
        self._groups = users.groups()
        self._group: Group | None = None
        self._left_in_group = 0
        self._results: Generator[FetchResult, None, None] | None = None
        of = f"{users.total:,} users" if users.total else "the users found"
        after = f", continuing after user {users.done:,}" if users.done else ""
        self._progress.log(
            f"user_profiles: reading {of}{after}, {REQUESTS_IN_FLIGHT} at once, "
            f"up to {fetcher.requests_per_minute} requests a minute"
        )

    @property
    def is_finished(self) -> bool:
        return self._group is not None and self._group.is_last and not self._left_in_group

    def portion(self, size: int) -> Iterator[FetchResult]:
        """Yields the results of up to `size` users, none while users are looked for; after each portion a state is due.

        A user counts as dealt with when the next result is asked for.
        """
        if not self._left_in_group:
            self._group = next(self._groups)
            if self._group is None:
                return
            self._left_in_group = self._group.count
            self._results = self._results_of(self._group.users)
        assert self._results is not None
        for result in islice(self._results, min(size, self._left_in_group)):
            yield result
            self.users.move_past(result.user)
            self._left_in_group -= 1
            self._count(result)
        if not self._left_in_group:
            self._results.close()

    def close(self) -> None:
        """Ends what is under way, and logs how it went."""
        if self._results is not None:
            self._results.close()
        self._fetcher.close()
        self.users.close()
        self._logger.info(
            f"user_profiles: {self._counts[FetchStatus.PROFILE]:,} profiles read, "
            f"{self._counts[FetchStatus.UNKNOWN]:,} users unknown to Amplitude, "
            f"{self._counts[FetchStatus.FAILED]:,} users that could not be read; "
            f"{self._requests_again()}; at user {self.users.done:,} of {self.users.total:,} "
            f"after {time.monotonic() - self._started_at:.1f} s"
        )
        log_coercions("user_profiles", self._coercions, self._logger)

    def _results_of(self, users: Iterator[User]) -> Generator[FetchResult, None, None]:
        # The first one alone, so that a refused key is met once and not by all in flight.
        yield from in_order(islice(users, 1), self._fetcher.fetch, 1, 1, self._result_of)
        yield from in_order(users, self._fetcher.fetch, REQUESTS_IN_FLIGHT, USERS_AHEAD, self._result_of)

    def _result_of(self, future: Future[FetchResult]) -> FetchResult:
        return self._progress.result_of(future, self._so_far)

    def _so_far(self) -> str:
        return f"user_profiles: {self.users.done:,} of {self.users.total:,} users so far; {self._requests_again()}"

    def _requests_again(self) -> str:
        return f"{self._fetcher.retried:,} requests retried, {self._fetcher.throttled:,} sent again after a 429"

    def _count(self, result: FetchResult) -> None:
        self._counts[result.status] += 1
        self._coercions.add(result.coercions)
        number = self.users.done
        if result.status is FetchStatus.UNKNOWN:
            self._logger.debug(f"User {number:,} is unknown to Amplitude")
        elif result.status is FetchStatus.FAILED:
            self._logger.warning(f"User {number:,} could not be read and is left out: {result.words}")
        if self._progress.is_due():
            self._progress.log(self._so_far())
