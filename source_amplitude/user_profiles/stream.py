"""The stream `user_profiles`: a snapshot of what the User Profile API knows of each user."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, urlencode

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE

from source_amplitude.amplitude_stream import AmplitudeStream
from source_amplitude.config import Config, ListedUsers
from source_amplitude.errors import NOT_IN_THE_EU, config_error
from source_amplitude.records import RecordBatch
from source_amplitude.user_profiles.active import Active, Exports
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.availability import TokenBucketAvailabilityStrategy
from source_amplitude.user_profiles.fetch import (
    CONNECT_TIMEOUT_SECONDS,
    MADE_UP_USER,
    READ_TIMEOUT_SECONDS,
    Fetcher,
    Found,
    Params,
)
from source_amplitude.user_profiles.record import user_data
from source_amplitude.user_profiles.snapshot import Snapshot
from source_amplitude.user_profiles.users import Listed, Users, checked_state

USERS_A_STATE = 25


class UserProfiles(AmplitudeStream):
    """One record a user: properties, cohorts, computations, recommendations, propensities. US region only.

    Source of the facts: https://amplitude.com/docs/apis/analytics/user-profile

    A snapshot that can be resumed: it is read in portions of 25 users with a state after each. A snapshot that is
    finished begins anew with the next sync. The key is `user_id`; the record of a device without a user has the
    device's id there (and in `device_id`), since a key is never null.
    """

    name = "user_profiles"
    primary_key = "user_id"

    def __init__(self, config: Config, *, in_batches: bool = False) -> None:
        self._state: MutableMapping[str, Any] = {}
        self._snapshot: Snapshot | None = None
        self._keys = KeyFallback(config.secret_key, config.api_key, self.logger)
        self.availability = TokenBucketAvailabilityStrategy(config.user_profiles.requests_per_minute)
        super().__init__(config, in_batches=in_batches, authenticator=self._keys, api_budget=self.availability.budget)

    @property
    def is_in_region(self) -> bool:
        return self._config.region == "US"

    @property
    def url_base(self) -> str:
        return self._config.profile_api_url

    def path(self, **_: Any) -> str:
        return "v1/userprofile"

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """The state of a finished snapshot is as good as none: the next one begins anew."""
        self._state = {} if value == FULL_REFRESH_COMPLETE_STATE else value

    def send(self, params: Params) -> requests.Response:
        """The answer to a profile request, whatever it says, its body still unread (and so never in a debug log).

        :raises requests.RequestException: no answer
        """
        query = urlencode(params, quote_via=quote, safe="", errors="surrogatepass")
        _, response = self._http_client.send_request(
            self.http_method,
            f"{self._join_url(self.url_base, self.path())}?{query}",
            request_kwargs={"stream": True, "timeout": (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)},
        )
        return response

    def probe(self) -> None:
        """Ask about the first listed user, or about a made-up one: that it is unknown is an answer too.

        :raises AirbyteTracedException: profiles cannot be read, and why
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
        """The records of the next 25 users. The state moves past them only when all of them are out."""
        snapshot = self._snapshot = self._snapshot or self._begin()
        try:
            for outcome in snapshot.portion(USERS_A_STATE):
                if outcome.found is Found.PROFILE:
                    yield RecordBatch(self.name, outcome.record, 1) if self._in_batches else json.loads(outcome.record)
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
        yield {name: json.loads(bytes(value)) for name, value in user_data(response.content).items()}

    def _begin(self) -> Snapshot:
        """The snapshot that the state interrupted, or a new one."""
        if not self.is_in_region:
            raise config_error(f"{NOT_IN_THE_EU}: leave the stream user_profiles out of the sync.")
        interrupted = {} if self._state == FULL_REFRESH_COMPLETE_STATE else self._state
        return Snapshot(self._users(checked_state(interrupted)), self._fetcher(), self.logger)

    def _users(self, interrupted: Mapping[str, Any]) -> Users:
        users = self._config.user_profiles.users
        if isinstance(users, ListedUsers):
            return Listed(users, interrupted, self.logger)
        if users is None:
            raise config_error(
                "No users are configured for the stream user_profiles. Set them in the field user_profiles.users: list "
                "them, or have those found who are active in recent events; or leave the stream out of the sync."
            )
        return Active(self._config, users.lookback_days, interrupted, Exports(self._config, self.logger), self.logger)

    def _fetcher(self) -> Fetcher:
        return Fetcher(
            self.send, self._config.user_profiles, self._keys, self.logger, bags_as_text=self._config.bags_as_text
        )

    def _end(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None
