"""Reads the project's cohorts, and who is in which.

Facts from https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import requests

from source_amplitude.config.model import Config, ListedCohorts
from source_amplitude.endpoints.answers import NotIncludedError, RejectedError, UnusableAnswerError, answer_json
from source_amplitude.endpoints.cohort_choice import Quota, check_quota, oldest_cohorts, read_quota
from source_amplitude.endpoints.cohort_file import member_records
from source_amplitude.endpoints.cohort_job import CohortJobs, cohort_refused
from source_amplitude.endpoints.endpoint import NO_DAYS, Days, Endpoint, batches
from source_amplitude.endpoints.sender import Params, Sender
from source_amplitude.errors import ConfigError
from source_amplitude.records.json_repair import NULL, plain_value

COHORTS_PATH = "api/3/cohorts"
_encode = msgspec.json.Encoder().encode


class Cohorts(Endpoint):
    """Reads the cohorts that are published in the project, as they were when each was last computed."""

    name = "cohorts"
    primary_keys = ("id",)
    api_path = COHORTS_PATH
    records_field = "cohorts"
    plan_statuses = frozenset({403, 404})
    empty_hint = "The project has no published cohorts, or its plan does not include them."

    def params(self, days: Days) -> Params:
        return {"includeSyncInfo": "true"}


class CohortMembers(Endpoint):
    """Reads one record a member of a cohort. Each cohort takes one of the 500 downloads that a month has."""

    name = "cohort_members"
    primary_keys = ("cohort_id", "amplitude_id")
    api_path = COHORTS_PATH
    records_field = "cohorts"

    def __init__(self, config: Config, send: Sender, logger: logging.Logger) -> None:
        super().__init__(config, send, logger)
        self._choice = config.cohort_members
        self._jobs = CohortJobs(self, self._choice.user_properties)

    def read(self, days: Days = NO_DAYS) -> Iterator[list[bytes]]:
        for number, cohort_id in enumerate(self.cohorts_to_read()):
            yield from self.members_of(cohort_id, is_first=number == 0)
            if not self.is_included:
                return

    def cohorts_to_read(self, done: Collection[str] = ()) -> list[str]:
        """Returns the chosen cohorts, but for those that are done; none, after a warning, where the plan lacks cohorts.

        :raises ConfigError: none are chosen, or the month's quota is not enough for them
        """
        try:
            left = [cohort_id for cohort_id in self._chosen() if cohort_id not in done]
            if left:
                check_quota(self._quota(), len(left), self.logger)
        except NotIncludedError as error:
            self._log_not_included(error)
            return []
        return left

    def members_of(self, cohort_id: str, *, is_first: bool) -> Iterator[list[bytes]]:
        """Yields the members of a cohort as JSON, many at once; none, after a warning, where the plan lacks cohorts.

        :param is_first: whether no other cohort was read before: the plan does include them otherwise
        """
        count = 0
        try:
            file = self._jobs.fetch(cohort_id)
        except NotIncludedError as error:
            if not is_first:
                raise cohort_refused(cohort_id, error) from error
            self._log_not_included(error)
            return
        with file:
            with_properties = bool(self._choice.user_properties)
            members = member_records(file, cohort_id, self.values.coercions, with_properties=with_properties)
            for lines in batches(map(self._member, members)):
                count += len(lines)
                yield lines
        self.end_of_records(count)
        self.logger.info(f"{self.name}: {count:,} members of the cohort {cohort_id}")

    def _member(self, member: dict[str, Any]) -> bytes:
        """Writes a member as JSON; `member_records` has made its values, each of its type."""
        if self.config.json_columns_as_string and "properties" in member:
            member = {**member, "properties": _encode(member["properties"]).decode()}
        return _encode(member)

    def _chosen(self) -> list[str]:
        """Returns the ids of the cohorts to read, in a stable order: as they were named, or the oldest first."""
        choice = self._choice.cohorts
        if choice is None:
            raise ConfigError(
                "No cohorts are chosen for the stream cohort_members. Set them in the field cohort_members.cohorts: "
                "list them, or have all of them read; or leave the stream out of the sync."
            )
        if isinstance(choice, ListedCohorts):
            return list(choice.cohort_ids)
        listed = [
            {name: plain_value(cohort.get(name, NULL)) for name in ("id", "createdAt", "definition")}
            for cohort in self.fetch(COHORTS_PATH)
        ]
        if not listed:
            self.logger.warning(f"{self.name}: Amplitude's list of cohorts is empty. {Cohorts.empty_hint}")
        return oldest_cohorts(listed, choice.max_cohorts, self.logger)

    def _quota(self) -> Quota | None:
        try:
            return self.request("api/3/cohorts/usage", {}, _quota_in, readable={requests.codes.not_found})
        except (NotIncludedError, RejectedError):
            return None  # new in 2026, and not everywhere yet

    def _log_not_included(self, error: NotIncludedError) -> None:
        self.is_included = False
        self.logger.warning(
            f"{self.name}: this project's plan does not include cohorts, so there is no record ({error.message})"
        )


def _quota_in(response: requests.Response) -> Quota | None:
    if response.status_code == requests.codes.not_found:
        return None  # whoever says so: no record depends on it
    try:
        return read_quota(answer_json(response))
    except UnusableAnswerError:
        return None
