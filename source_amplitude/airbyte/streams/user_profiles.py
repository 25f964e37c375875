"""Offers the stream `user_profiles`: a snapshot of what the User Profile API knows of each user."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

import requests
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.availability_strategy import HttpAvailabilityStrategy

from source_amplitude.airbyte.streams.base import Messages, SnapshotStream
from source_amplitude.config.model import Config, ListedUsers
from source_amplitude.errors import NOT_IN_THE_EU, AmplitudeError, ConfigError
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.http.hosts import profile_api_url
from source_amplitude.user_profiles.active import Active
from source_amplitude.user_profiles.fetch import MADE_UP_USER, PROFILE_PATH, Fetcher, FetchStatus
from source_amplitude.user_profiles.keys import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.profile import user_data
from source_amplitude.user_profiles.snapshot import Snapshot
from source_amplitude.user_profiles.users import Listed, Users, checked_state

USERS_A_STATE = 25


class TokenBucketAvailabilityStrategy(HttpAvailabilityStrategy):
    """Owns what bounds the stream `user_profiles`: the region gate, and the bucket of tokens for its requests.

    `bucket` paces the probe of `check` as it paces the reads, and `is_in_region` is whether the configured region has a
    User Profile API.
    """

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self.bucket = RequestPacer(config.user_profiles.requests_per_minute, logger)
        self.is_in_region = config.region == "US"

    def check_availability(
        self, stream: Stream, logger: logging.Logger, source: Source | None = None
    ) -> tuple[bool, str | None]:
        """Requests one profile; returns a sentence where the API does not answer. An unknown user is an answer."""
        if not self.is_in_region:
            return False, NOT_IN_THE_EU
        try:
            cast("UserProfiles", stream).probe()
        except AmplitudeError as error:
            return False, error.message
        return True, None


class UserProfiles(SnapshotStream, HttpStream):
    """Reads one record a user: properties, cohorts, computations, recommendations, propensities. US region only.

    Source of the facts: https://amplitude.com/docs/apis/analytics/user-profile

    The key is `user_id`; the record of a device without a user has the device's id there (and in `device_id`), since a
    key is never null.
    """

    name = "user_profiles"
    primary_key = "user_id"

    def __init__(
        self, config: Config, export_limiter: ConcurrencyLimiter | None = None, *, in_batches: bool = False
    ) -> None:
        self._snapshot: Snapshot | None = None
        self._export_limiter = export_limiter or ConcurrencyLimiter(config.num_workers)
        self._keys = KeyFallback(config.secret_key, config.api_key, self.logger)
        self.availability = TokenBucketAvailabilityStrategy(config, self.logger)
        super().__init__(config, in_batches=in_batches, authenticator=self._keys)

    @property
    def url_base(self) -> str:
        return profile_api_url()

    def path(self, **_: Any) -> str:
        return PROFILE_PATH

    def next_page_token(self, response: requests.Response) -> None:
        return None

    def probe(self) -> None:
        """Requests the profile of the first listed user, or of a made-up one: that it is unknown is an answer too.

        :raises AmplitudeError: profiles cannot be read, and why
        """
        users = self._config.user_profiles.users
        listed = Listed(users, {}, self.logger).left() if isinstance(users, ListedUsers) else iter(())
        self._fetcher().probe(next(listed, MADE_UP_USER))

    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        """Yields the records of up to 25 users, none while users are looked for."""
        snapshot = self._snapshot = self._snapshot or self._begin()
        try:
            for result in snapshot.portion(USERS_A_STATE):
                if result.status is FetchStatus.PROFILE:
                    yield from self.messages(result.record, 1)
        except BaseException:
            self._end()
            raise
        if snapshot.is_finished:
            self.finish()
            self._end()
        else:
            self._state = snapshot.users.state()

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """Yields the profile in one answer, for users of the plain `HttpStream` interface."""
        yield {name: json.loads(bytes(value)) for name, value in user_data(response.content).fields.items()}

    def _begin(self) -> Snapshot:
        """Begins the snapshot that the state interrupted, or a new one, behind the region gate."""
        if not self.availability.is_in_region:
            raise ConfigError(f"{NOT_IN_THE_EU}: leave the stream user_profiles out of the sync.")
        return Snapshot(self._users(checked_state(self._state)), self._fetcher(), self.logger)

    def _users(self, interrupted: Mapping[str, Any]) -> Users:
        users = self._config.user_profiles.users
        if isinstance(users, ListedUsers):
            return Listed(users, interrupted, self.logger)
        if users is None:
            raise ConfigError(
                "No users are configured for the stream user_profiles. Set them in the field user_profiles.users: list "
                "them, or have those found who are active in recent events; or leave the stream out of the sync."
            )
        exporter = Exporter(self._config, self._export_limiter, self.logger)
        return Active(users.lookback_days, interrupted, exporter, self.logger)

    def _fetcher(self) -> Fetcher:
        return Fetcher(self._config, self._keys, self.availability.bucket, self.logger)

    def _end(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None
