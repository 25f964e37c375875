"""One snapshot under way: users in order, several requests in flight, and the count of what became of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any

from source_amplitude.user_profiles.fetch import Fetcher, FetchResult, FetchStatus
from source_amplitude.user_profiles.inflight import in_order
from source_amplitude.user_profiles.users import Group, User, Users

REQUESTS_IN_FLIGHT = 20
USERS_AHEAD = 100
USERS_A_LOG_LINE = 1000


class Snapshot:
    """Reads the users that are left, in portions."""

    def __init__(self, users: Users, fetcher: Fetcher, logger: logging.Logger) -> None:
        self._users = users
        self._fetcher = fetcher
        self._logger = logger
        self._counts: Counter[FetchStatus] = Counter()
        self._groups = users.groups()
        self._group: Group | None = None
        self._left_in_group = 0
        self._results: Generator[FetchResult, None, None] | None = None
        if users.done:
            logger.info(f"user_profiles: continuing after user {users.done:,}")

    @property
    def is_finished(self) -> bool:
        return self._group is not None and self._group.is_last and not self._left_in_group

    def state(self) -> dict[str, Any]:
        """From which another run can continue behind the last user whose result was taken and dealt with."""
        return self._users.state()

    def portion(self, size: int) -> Iterator[FetchResult]:
        """The results of up to `size` users, none while users are looked for; after each portion a state is due.

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
            self._users.passed(result.user)
            self._left_in_group -= 1
            self._count(result)
        if not self._left_in_group:
            self._results.close()

    def close(self) -> None:
        """End what is under way, and say how it went."""
        if self._results is not None:
            self._results.close()
        self._fetcher.close()
        self._users.close()
        self._logger.info(
            f"user_profiles: {self._counts[FetchStatus.PROFILE]:,} profiles read, "
            f"{self._counts[FetchStatus.UNKNOWN]:,} users unknown to Amplitude, "
            f"{self._counts[FetchStatus.FAILED]:,} users that could not be read; "
            f"{self._fetcher.retried:,} requests retried, {self._fetcher.throttled:,} sent again after a 429; "
            f"at user {self._users.done:,} of {self._users.total:,}"
        )

    def _results_of(self, users: Iterator[User]) -> Generator[FetchResult, None, None]:
        for user in islice(users, 1):
            yield self._fetcher.fetch(user)  # alone, so that a refused key is met once and not by all in flight
        yield from in_order(users, self._fetcher.fetch, REQUESTS_IN_FLIGHT, USERS_AHEAD)

    def _count(self, result: FetchResult) -> None:
        self._counts[result.status] += 1
        number = self._users.done
        if result.status is FetchStatus.UNKNOWN:
            self._logger.debug(f"User {number:,} ({result.user.kind} {result.user.id}) is unknown to Amplitude")
        elif result.status is FetchStatus.FAILED:
            self._logger.warning(f"User {number:,} could not be read and is left out: {result.said}")
            self._logger.debug(f"User {number:,} is the {result.user.kind} {result.user.id}")
        if number % USERS_A_LOG_LINE == 0:
            self._logger.info(f"user_profiles: user {number:,} of {self._users.total:,}")
