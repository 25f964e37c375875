"""The stream `user_profiles`: a snapshot of what the User Profile API knows of each user."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.streams.availability import TokenBucketAvailabilityStrategy
from source_amplitude.airbyte.streams.base import AmplitudeHttpStream
from source_amplitude.config.model import Config, ListedUsers
from source_amplitude.errors import ConfigError
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.user_profiles.active import Active
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.client import PROFILE_PATH, ProfileClient
from source_amplitude.user_profiles.fetch import MADE_UP_USER, Fetcher, FetchStatus
from source_amplitude.user_profiles.profile import user_data
from source_amplitude.user_profiles.snapshot import Snapshot
from source_amplitude.user_profiles.users import Listed, Users, checked_state

USERS_A_STATE = 25


class UserProfiles(AmplitudeHttpStream):
    """One record a user: properties, cohorts, computations, recommendations, propensities. US region only.

    Source of the facts: https://amplitude.com/docs/apis/analytics/user-profile

    A snapshot that can be resumed: it is read in portions of up to 25 users with a state after each. The state of a
    finished one says "done in this job": Airbyte keeps it between the attempts of a job, which then do not read the
    stream again, and deletes it before the next job. The key is `user_id`; the record of a device without a user has
    the device's id there (and in `device_id`), since a key is never null.
    """

    name = "user_profiles"
    primary_key = "user_id"

    def __init__(
        self, config: Config, export_limiter: ConcurrencyLimiter | None = None, *, in_batches: bool = False
    ) -> None:
        self._state: MutableMapping[str, Any] = {}
        self._snapshot: Snapshot | None = None
        self._export_limiter = export_limiter or ConcurrencyLimiter(config.num_workers)
        self._keys = KeyFallback(config.secret_key, config.api_key, self.logger)
        self.availability = TokenBucketAvailabilityStrategy(config, self.probe, self.logger)
        self._client = ProfileClient(config, self._keys, self.availability.bucket, self.logger)
        super().__init__(config, in_batches=in_batches, authenticator=self._keys)

    @property
    def is_in_region(self) -> bool:
        """Whether the configured region has a User Profile API."""
        return self.availability.is_in_region

    @property
    def url_base(self) -> str:
        return self._config.profile_api_url

    def path(self, **_: Any) -> str:
        return PROFILE_PATH

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self.log_if_finished(value)
        self._state = value

    def probe(self) -> None:
        """Asks about the first listed user, or about a made-up one: that it is unknown is an answer too.

        :raises AmplitudeError: profiles cannot be read, and why
        """
        users = self._config.user_profiles.users
        listed = Listed(users, {}, self.logger).left() if isinstance(users, ListedUsers) else iter(())
        self._fetcher().probe(next(listed, MADE_UP_USER))

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The records of up to 25 users, none while they are looked for; the state then says that they are out."""
        snapshot = self._snapshot = self._snapshot or self._begin()
        try:
            for result in snapshot.portion(USERS_A_STATE):
                if result.status is FetchStatus.PROFILE:
                    yield RecordBatch(self.name, result.record, 1) if self._in_batches else json.loads(result.record)
        except BaseException:
            self._end()
            raise
        if snapshot.is_finished:
            self._state = dict(FULL_REFRESH_COMPLETE_STATE)
            self._end()
        else:
            self._state = snapshot.state()

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """The profile in one answer, for users of the plain `HttpStream` interface; `read_records` does not need it."""
        yield {name: json.loads(bytes(value)) for name, value in user_data(response.content).fields.items()}

    def _begin(self) -> Snapshot:
        """Begins the snapshot that the state interrupted, or a new one, behind the region gate."""
        self.availability.require_region()
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
        return Fetcher(
            self._client,
            self._config.user_profiles,
            self._keys,
            self.logger,
            json_columns_as_string=self._config.json_columns_as_string,
        )

    def _end(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None
