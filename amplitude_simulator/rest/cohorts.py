"""Cohorts, the monthly quota, and the three steps to their members.

Source of the facts: https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from amplitude_simulator.archives import gzip_chunks
from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project
from amplitude_simulator.rest.answers import as_json, error
from amplitude_simulator.rest.data import Cohort
from amplitude_simulator.rest.storage import Storage

QUOTA = 500
SYNC: dict[str, Any] = {
    "target": "braze",
    "frequency": "hourly",
    "last_successful": "2025-06-03T10:00:04.118220-07:00",
    "last_failure": None,
    "params": {},
}
ROWS_A_CHUNK = 2000


@dataclass
class _Job:
    cohort: Cohort
    properties: list[str]
    fails: bool
    polls_left: int
    polls: int = 0


class Cohorts:
    """The list is the same at any time; the jobs that make the files of members are kept while the simulator runs."""

    def __init__(self, project: Project, storage: Storage) -> None:
        self._data = project.rest
        self._storage = storage
        self._jobs: dict[str, _Job] = {}
        self._started: list[str] = []
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """How many downloads have been used up this month."""
        return self._data.quota_used + len(self._started)

    def listed(self, params: dict[str, str]) -> Answer:
        cohorts = [] if self._data.starter else [a_cohort(cohort) for cohort in self._data.cohorts]
        if params.get("includeSyncInfo") == "true":
            for cohort in cohorts:
                cohort["syncMetadata"] = [dict(SYNC)]
        return as_json({"cohorts": cohorts})

    def usage(self) -> Answer:
        if self._data.quota_shape is None:
            return Answer(404, b"Not Found")
        if self._data.quota_shape == "count":
            return as_json({"limit": QUOTA, "count": self.used})
        return as_json(
            {"rest_download": {"limit": QUOTA, "usage": self.used, "resets_at": "2024-04-01T00:00:00+00:00"}}
        )

    def start_job(self, cohort_id: str, properties: list[str]) -> Answer:
        """The first step; each one counts, also those that fail later."""
        cohort = next((cohort for cohort in self._data.cohorts if cohort.id == cohort_id), None)
        if cohort is None:
            return error(400, "Invalid cohort", f"Cohort {cohort_id} does not exist")
        with self._lock:
            if self.used >= QUOTA:
                return error(429, "Too Many Requests", "Exceeded the monthly limit of cohort downloads", "rate_limit")
            earlier = self._started.count(cohort_id)
            self._started.append(cohort_id)
            request_id = f"q/{len(self._started):05}"  # to be quoted in a path
            self._jobs[request_id] = _Job(cohort, properties, earlier < cohort.failed_jobs, cohort.polls)
        return as_json({"request_id": request_id, "cohort_id": cohort_id, "async_status": "JOB ENQUEUED"}, 202)

    def job_status(self, request_id: str) -> Answer:
        job = self._jobs.get(request_id)
        if job is None:
            return error(404, "Not Found", "Unknown request")
        told = {"request_id": request_id, "cohort_id": job.cohort.id}
        if job.polls_left > 0:
            job.polls_left -= 1
            job.polls += 1
            return as_json({**told, "async_status": "JOB ENQUEUED" if job.polls == 1 else "JOB INPROGRESS"}, 202)
        return as_json({**told, "async_status": "JOB FAILED" if job.fails else "JOB COMPLETED"})

    def file(self, request_id: str) -> Answer:
        job = self._jobs.get(request_id)
        if job is None or job.fails or job.polls_left > 0:
            return error(404, "Not Found", "No file")
        headers = {"Content-Type": "text/csv"}
        if job.cohort.encoding == "gzip":
            headers["Content-Encoding"] = "gzip"
        body = _body_of(job.cohort, job.properties)
        if job.cohort.in_storage:
            address = self._storage.address_of(body, headers, self._data.link_seconds)
            return Answer(
                302, b"", {"Location": address.removeprefix("http:") if self._data.relative_links else address}
            )
        return Answer(200, body(), headers)


def a_cohort(cohort: Cohort) -> dict[str, Any]:
    clause = {"type": "event", "time_type": "rolling", "time_value": 14, "offset": 0, "interval": 1, "metric": None,
              "type_value": "checkout", "operator": ">=", "operator_value": 2, "group_by": []}  # fmt: skip
    return {
        "appId": 123456, "archived": False, "description": "two orders in two weeks", "finished": True,
        "definition": {
            "version": 3, "cohortType": "UNIQUES", "countGroup": {"name": cohort.group, "is_computed": False},
            "andClauses": [{"negated": False, "orClauses": [clause]}], "referenceFrameTimeParams": {},
        },
        "id": cohort.id, "name": cohort.name, "owners": ["ana@shop.example"], "viewers": [], "published": True,
        "size": cohort.size, "type": "redshift", "lastMod": 1748860012, "createdAt": 1748859990,
        "lastComputed": 1748946410, "hidden": False, "metadata": None, "view_count": 7, "popularity": None,
        "last_viewed": 1748946500, "chart_id": None, "edit_id": None, "is_predictive": False,
        "is_official_content": False, "location_id": None, "shortcut_ids": [], **cohort.fields,
    }  # fmt: skip


def member_ids(cohort: Cohort) -> Iterator[int]:
    """The Amplitude ids of a cohort's members, beyond what a float can tell apart."""
    return iter(range(9_007_199_254_740_993, 9_007_199_254_740_993 + cohort.size))


def member_rows(cohort: Cohort, properties: list[str]) -> Iterator[list[str]]:
    """The rows of a cohort's file, the header first. Every tenth member is anonymous; values may hold line breaks."""
    if cohort.group != "User":
        yield ["group_id", *properties]
        yield from ([f"group {number}", *("",) * len(properties)] for number in range(cohort.size))
        return
    yield ["amplitude_id", "user_id", *properties]
    values = ('two\nlines, "quoted"', "", "straße", "12")
    for number, amplitude_id in enumerate(member_ids(cohort)):
        user_id = "" if number % 10 == 9 else f"user-{number}@example.com"
        yield [str(amplitude_id), user_id, *(values[(number + place) % 4] for place in range(len(properties)))]


def _body_of(cohort: Cohort, properties: list[str]) -> Callable[[], Iterator[bytes]]:
    def body() -> Iterator[bytes]:
        lines = map(_quoted, member_rows(cohort, properties))
        if cohort.encoding != "plain":
            yield from gzip_chunks(line.encode() for line in lines)
            return
        while chunk := list(itertools.islice(lines, ROWS_A_CHUNK)):
            yield "".join(f"{line}\n" for line in chunk).encode()

    return body


def _quoted(row: list[str]) -> str:
    return ",".join('"' + value.replace('"', '""') + '"' for value in row)
