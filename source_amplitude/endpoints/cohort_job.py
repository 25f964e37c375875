"""Downloads the members of a cohort in three steps: start a job, wait for it, fetch its file.

Facts from https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import BinaryIO
from urllib.parse import quote

import requests

from source_amplitude.endpoints.answers import RejectedError, UnusableAnswerError, answer_json
from source_amplitude.endpoints.cohort_file import spool
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.endpoints.sender import READ_TIMEOUT_SECONDS
from source_amplitude.errors import AmplitudeError, ConfigError, TransientError
from source_amplitude.http.answers import shown_text
from source_amplitude.http.session import NoKeys, Session, redirect_address
from source_amplitude.progress import Progress

POLL_SECONDS = 5.0
LONGEST_JOB_SECONDS = 3600.0
# Each one counts in the month's quota.
JOBS_PER_COHORT = 2
COMPLETED, RUNNING = "COMPLETED", ("INPROGRESS", "ENQUEUED")


class JobFailedError(Exception):
    """Reports that Amplitude did not make the file."""


class CohortJobs:
    """Downloads the members of cohorts, one cohort after the other.

    :param endpoint: sends the requests
    :param properties: the user properties to have beside the ids; none of them makes the fastest job
    """

    def __init__(self, endpoint: Endpoint, properties: Sequence[str]) -> None:
        self._request = endpoint.request
        self._logger = endpoint.logger
        # The storage is not Amplitude's: the keys stay here.
        self._storage = Session(NoKeys(), (), connections=1, logger=endpoint.logger)
        self._params = {"props": "1", "propKeys": list(properties)} if properties else {"props": "0"}

    def fetch(self, cohort_id: str) -> BinaryIO:
        """Downloads the file of a cohort's members, complete, into an unnamed temporary file.

        :raises TransientError: the job failed, and so did a second one
        :raises AmplitudeError: as `Endpoint.request`; ConfigError for a cohort that Amplitude does not know
        """
        for number in range(1, JOBS_PER_COHORT + 1):
            try:
                return self._file(self._finished_job(cohort_id), cohort_id)
            except JobFailedError as error:
                reason = error
                self._logger.warning(f"cohort_members: job {number} for the cohort {cohort_id} failed: {error}")
        raise TransientError(
            f"Amplitude could not make the file of the cohort {cohort_id}, {JOBS_PER_COHORT} times: {reason}. "
            "The next sync continues with this cohort."
        )

    def _finished_job(self, cohort_id: str) -> str:
        """Starts a job, waits until it has made its file, and returns its request id."""
        request_id = self._start(cohort_id)
        deadline = time.monotonic() + LONGEST_JOB_SECONDS
        progress = Progress(self._logger)
        while True:
            answer = self._request(f"api/5/cohorts/request-status/{quote(request_id, safe='')}", {}, answer_json)
            status = str(answer.get("async_status"))
            if COMPLETED in status:
                return request_id
            if not any(word in status for word in RUNNING):
                raise JobFailedError(f"its status is {shown_text(status)}")
            if time.monotonic() > deadline:
                raise JobFailedError(f"it is not done after {LONGEST_JOB_SECONDS / 60:.0f} minutes")
            if progress.is_due():
                progress.log(f"cohort_members: waiting for the file of the cohort {cohort_id} ({shown_text(status)})")
            time.sleep(POLL_SECONDS)

    def _start(self, cohort_id: str) -> str:
        try:
            answer = self._request(f"api/5/cohorts/request/{quote(cohort_id, safe='')}", self._params, answer_json)
        except RejectedError as error:
            raise cohort_refused(cohort_id, error) from error
        request_id = answer.get("request_id")
        if not isinstance(request_id, str):
            raise JobFailedError("it has no request_id")
        return request_id

    def _file(self, request_id: str, cohort_id: str) -> BinaryIO:
        def reader(response: requests.Response) -> BinaryIO:
            if response.is_redirect:
                return self._stored_file(redirect_address(response), cohort_id)
            return spool(response, cohort_id)

        return self._request(f"api/5/cohorts/request/{quote(request_id, safe='')}/file", {}, reader)

    def _stored_file(self, address: str, cohort_id: str) -> BinaryIO:
        with self._storage.get(address, "", READ_TIMEOUT_SECONDS) as response:
            if response.status_code != requests.codes.ok:
                raise UnusableAnswerError(f"{response.status_code} from the storage of cohort files")
            return spool(response, cohort_id)


def cohort_refused(cohort_id: str, error: AmplitudeError) -> ConfigError:
    return ConfigError(
        f"Amplitude does not give out the cohort {cohort_id}: correct cohort_members.cohorts. ({error.message})"
    )
