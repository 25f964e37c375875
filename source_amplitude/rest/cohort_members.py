"""The stream `cohort_members`: a snapshot of who is in which cohort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import msgspec
import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.call_rate import APIBudget
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE
from requests.auth import HTTPBasicAuth

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.config import AllCohorts, Config
from source_amplitude.errors import ConfigError
from source_amplitude.rest.answers import NotIncludedError, RejectedError, UnusableAnswerError, answer_json
from source_amplitude.rest.client import TIMEOUT_SECONDS, Params
from source_amplitude.rest.cohort_choice import Quota, check_quota, chosen_cohorts, read_quota
from source_amplitude.rest.cohort_file import member_records
from source_amplitude.rest.cohort_job import CohortJobs, cohort_refused
from source_amplitude.rest.cohorts import COHORTS_PATH, Cohorts
from source_amplitude.rest.stream import Record, RestStream

QUOTA_PATH = "api/3/cohorts/usage"
DONE = "cohorts_done"
_encode = msgspec.json.Encoder().encode


class CohortMembers(RestStream):
    """One record a member of a cohort. Each cohort takes one of the 500 downloads that a month has.

    A snapshot that is resumed with the cohort that it stopped at; the state of a finished one says "done in this job".
    """

    name = "cohort_members"
    primary_key = ["cohort_id", "amplitude_id"]  # noqa: RUF012 - as the CDK has it
    api_path = COHORTS_PATH
    records_field = "cohorts"
    is_resumable = True

    def __init__(self, config: Config, budget: APIBudget | None = None, *, in_batches: bool = False) -> None:
        self._state: MutableMapping[str, Any] = {}
        self._left: list[str] | None = None
        super().__init__(config, budget, in_batches=in_batches)
        self._choice = config.cohort_members
        self._files = requests.Session()
        self._files.auth = HTTPBasicAuth(config.api_key, config.secret_key)
        file_client = self.a_client(self._send_for_file)
        self._jobs = CohortJobs(self.client, file_client, self._choice.user_properties, self.logger)

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """
        :raises ConfigError: a state that is not of this stream
        """
        if value and value != FULL_REFRESH_COMPLETE_STATE and not isinstance(value.get(DONE), list):
            raise ConfigError(
                "The saved state of the stream cohort_members is not one that this connector understands. "
                "Reset the stream."
            )
        self.tell_if_finished(value)
        self._state = value

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The members of the next cohort. The state moves past it only when all of them are out."""
        done = self._state.get(DONE, [])
        try:
            left = self._left = self._begin() if self._left is None else self._left
            if left:
                yield from self._members(left[0])
        except NotIncludedError as error:
            if done and self._left:  # the plan did include the others
                raise cohort_refused(self._left[0], error) from error
            self.logger.warning(
                f"{self.name}: this project's plan does not include cohorts, so there is no record ({error.message})"
            )
            left = []
        self._state = {DONE: [*done, left[0]]} if len(left) > 1 else dict(FULL_REFRESH_COMPLETE_STATE)
        self._left = left[1:] or None

    def _members(self, cohort_id: str) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        count = 0
        with self._jobs.fetch(cohort_id) as file:
            records = member_records(file, cohort_id, with_properties=bool(self._choice.user_properties))
            for message in self.messages(records):
                count += len(message) if isinstance(message, RecordBatch) else 1
                yield message
        self.logger.info(f"{self.name}: {count:,} members of the cohort {cohort_id}")

    def line(self, record: Record) -> bytes:
        """A record as JSON; `member_records` has made its values, each of its type."""
        if self._config.json_columns_as_string and "properties" in record:
            record = {**record, "properties": _encode(record["properties"]).decode()}
        return _encode(record)

    def _send_for_file(self, path: str, params: Params) -> requests.Response:
        """Without the CDK's client, whose debug log tells the headers of an answer, and so the signed address in it."""
        address = self._join_url(self.url_base, path)
        return self._files.get(address, params=params, stream=True, timeout=TIMEOUT_SECONDS, allow_redirects=False)

    def _begin(self) -> list[str]:
        """The cohorts that are left to read."""
        choice = self._choice.cohorts
        if choice is None:
            raise ConfigError(
                "No cohorts are chosen for the stream cohort_members. Set them in the field cohort_members.cohorts: "
                "list them, or have all of them read; or leave the stream out of the sync."
            )
        listed = self.ask(COHORTS_PATH) if isinstance(choice, AllCohorts) else []
        if isinstance(choice, AllCohorts) and not listed:
            self.logger.warning(f"{self.name}: Amplitude's list of cohorts is empty. {Cohorts.empty_hint}")
        done = self._state.get(DONE, [])
        left = [cohort_id for cohort_id in chosen_cohorts(choice, listed, self.logger) if cohort_id not in done]
        if left:
            check_quota(self._quota(), len(left), self.logger)
        return left

    def _quota(self) -> Quota | None:
        try:
            return self.client.read(QUOTA_PATH, {}, _quota_in, readable={requests.codes.not_found})
        except (NotIncludedError, RejectedError):
            return None  # new in 2026, and not everywhere yet


def _quota_in(response: requests.Response) -> Quota | None:
    if response.status_code == requests.codes.not_found:
        return None  # whoever says so: no record depends on it
    try:
        return read_quota(answer_json(response))
    except UnusableAnswerError:
        return None
