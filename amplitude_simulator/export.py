"""The Export API: `GET /api/2/export?start=YYYYMMDDTHH&end=YYYYMMDDTHH`, as Amplitude documents it.

Source of the facts: https://amplitude.com/docs/apis/analytics/export
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice

from amplitude_simulator.archives import EVENTS_A_MEMBER, Member, gzip_chunks, zip_chunks
from amplitude_simulator.faults import Fault
from amplitude_simulator.project import HOUR, Project

HOURLY_SINCE = datetime(2014, 11, 12, tzinfo=timezone.utc)
LONGEST_RANGE = timedelta(days=365)
EVENTS_HELD_IN_MEMORY = 20_000
GATEWAY_TIMEOUT = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
TOO_LARGE = "Response size exceeds the maximum of 4GB. Please reduce the time range of your request."


@dataclass
class Answer:
    """An HTTP answer; a body that is still being made is sent in chunks."""

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


def is_authorized(project: Project, authorization: str | None) -> bool:
    expected = base64.b64encode(f"{project.api_key}:{project.secret_key}".encode()).decode()
    return authorization == f"Basic {expected}"


def parse_range(params: dict[str, str]) -> tuple[datetime, datetime] | None:
    """The first and the last hour asked for; None when they make no range that Amplitude serves."""
    try:
        first, last = (
            datetime.strptime(params[name], "%Y%m%dT%H").replace(tzinfo=timezone.utc) for name in ("start", "end")
        )
    except (KeyError, ValueError):
        return None
    if last < first or last - first >= LONGEST_RANGE:
        return None
    grouped_by_day = first < HOURLY_SINCE
    if grouped_by_day and (first.hour != 0 or last.hour != 23):
        return None
    return first, last


def export(project: Project, first: datetime, last: datetime, now: datetime, fault: Fault | None = None) -> Answer:
    """The answer to an authorized request for a sound range."""
    hours = [first + number * HOUR for number in range(int((last - first) / HOUR) + 1)]
    hours = [hour for hour in hours if project.has_published(hour, now)]
    if not hours:
        return Answer(404, b"Raw data files were not found.")
    if project.max_hours_served is not None and len(hours) > project.max_hours_served:
        body = TOO_LARGE.encode() if project.too_many_hours_status == 400 else GATEWAY_TIMEOUT
        return Answer(project.too_many_hours_status, body)
    headers = {"Content-Type": "application/zip"}
    in_memory = fault is not None or project.max_response_bytes is not None
    if not in_memory and sum(map(project.count, hours)) > EVENTS_HELD_IN_MEMORY:
        return Answer(200, zip_chunks(_members(project, hours, now)), headers)
    members: list[Member] = [(name, b"".join(chunks)) for name, chunks in _members(project, hours, now)]
    if fault is not None:
        members = fault.change_members(members)
    body = b"".join(zip_chunks((name, [content]) for name, content in members))
    if project.max_response_bytes is not None and len(body) > project.max_response_bytes:
        return Answer(400, TOO_LARGE.encode())
    if fault is not None:
        return Answer(200, fault.change_archive(body), headers)
    return Answer(200, body if project.states_length else iter([body]), headers)


def _members(project: Project, hours: list[datetime], now: datetime) -> Iterator[tuple[str, Iterator[bytes]]]:
    for hour in hours:
        lines = project.published(hour, now)
        part = 0
        while (line := next(lines, None)) is not None:
            name = f"123456/123456_{hour:%Y-%m-%d}_{hour.hour}#{part}.json.gz"
            yield name, gzip_chunks(_first_and_more(line, islice(lines, EVENTS_A_MEMBER - 1)))
            part += 1


def _first_and_more(first: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from more
