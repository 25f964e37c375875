"""The rows of Amplitude's other endpoints as Arrow batches, and what is asked on the driver before a task reads them.

What a task does imports neither Airbyte's CDK nor Spark.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, cast

import pyarrow as pa

from source_amplitude.config.model import Config
from source_amplitude.endpoints import probe
from source_amplitude.endpoints.cohort_members import CohortMembers
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.endpoint import NO_DAYS, Days, Endpoint
from source_amplitude.endpoints.rate_limiter import RateLimiter
from source_amplitude.endpoints.sender import Sender
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import warn_of_overrides
from source_amplitude.spark import day_offsets
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.day_offsets import DayOffset, DayRange
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import Options
from source_amplitude.spark.permanent_errors import known_errors_stay
from source_amplitude.spark.schema import columns
from source_amplitude.spark.tables import ENDPOINT_TABLES, is_by_day

logger = logging.getLogger("source_amplitude.lakeflow")

MOVES_ON = "moves_on"
Part = Mapping[str, Any]
"""What one task reads, as JSON: `{}` of a list, `{"first": "2024-01-01", "last": "2024-01-31"}` of a table by day.

With `"moves_on": true` when an offset moves past these days, so that none of them would be read another time.
"""


def check_choice(options: Options) -> None:
    """
    :raises ConfigError: members of cohorts are to be read, and nobody has said of which
    """
    if options.table == CohortMembers.name and options.config.cohort_members.cohorts is None:
        raise ConfigError(
            "The table cohort_members needs the option cohort_ids, with commas between, "
            "or max_cohorts, to read all cohorts up to that number."
        )


def check_keys(options: Options) -> None:
    """Ask once, on the driver, so that wrong keys are refused once and not by every try of a task.

    :raises ConfigError: the keys are refused
    """
    warn_of_overrides(logger)
    probe.check_keys(_sender(options.config), options.config.region)


def is_in_plan(options: Options, day: date) -> bool:
    """Whether the plan includes a table by day: asked on the driver before an offset moves, with a warning if not.

    :raises AmplitudeError: as reading it does, such as ConfigError where the keys are refused
    """
    warn_of_overrides(logger)
    return cast("DailyEndpoint", _endpoint(options)).is_in_plan(day)


def whole_table(options: Options, now: datetime) -> list[Part]:
    """The parts of a batch, of which there is one at most: Amplitude's limits are those of a project."""
    if not is_by_day(options.table):
        return [{}]
    start = day_offsets.initial_offset(options, now)
    newest = day_offsets.newest_day(options, now)
    end = day_offsets.end_of_batch(start, newest)
    if end == start:
        logger.warning(f"{options.table}: nothing to read from {start.first} to {newest}")
    return _parts_of(day_offsets.days_between(options, start, end))


def micro_batch(options: Options, start: DayOffset, end: DayOffset) -> list[Part]:
    """The parts of a micro-batch of a table by day, of which there is one at most."""
    return [{**part, MOVES_ON: True} for part in _parts_of(day_offsets.days_between(options, start, end))]


def _parts_of(days: DayRange | None) -> list[Part]:
    return [{"first": days.first.isoformat(), "last": days.last.isoformat()}] if days else []


def read_part(options: Options, part: Part) -> Iterator[pa.RecordBatch]:
    """The rows of a part; none, after a warning, where the project's plan lacks the table.

    :raises AmplitudeError: as reading them for Airbyte does
    :raises ConfigError: the plan lacks the table, and an offset would move past what was not read
    """
    with clear_errors(), known_errors_stay():
        endpoint = _endpoint(options)
        yield from ArrowConverter(columns(options.table, timestamps=options.timestamps)).batches(
            _blocks(endpoint, part)
        )
        if part.get(MOVES_ON) and not endpoint.is_included:
            raise ConfigError(
                f"The project's plan does not include the table {options.table} any more: leave it out until it does."
            )


def _blocks(endpoint: Endpoint, part: Part) -> Iterator[bytes]:
    asked: Iterable[Days] = [NO_DAYS]
    if isinstance(endpoint, DailyEndpoint):
        asked = endpoint.requests(date.fromisoformat(part["first"]), date.fromisoformat(part["last"]))
    for days in asked:
        for lines in endpoint.read(days):
            yield b"\n".join([*lines, b""])


def _endpoint(options: Options) -> Endpoint:
    return ENDPOINT_TABLES[options.table](options.config, _sender(options.config), logger)


def _sender(config: Config) -> Sender:
    return Sender(config, _rates(config.api_url, config.api_key), logger)


@cache
def _rates(api_url: str, api_key: str) -> RateLimiter:  # noqa: ARG001 - they tell projects apart
    """The limits of a project, which all reads in this process share."""
    return RateLimiter(logger)
