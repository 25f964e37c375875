"""Reads the rows of Amplitude's other endpoints, as Arrow batches. Runs in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from source_amplitude.config.model import Config
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.days import newest_complete_day
from source_amplitude.endpoints.endpoint import NO_DAYS, Days, Endpoint
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.endpoints.sender import Sender
from source_amplitude.errors import ConfigError
from source_amplitude.records.schema import FieldType
from source_amplitude.spark.complete import check_complete
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import Options
from source_amplitude.spark.permanent_errors import known_errors_stay
from source_amplitude.spark.tables.table import logger

if TYPE_CHECKING:
    import pyarrow as pa

ENDPOINT_TABLES = {endpoint.name: endpoint for endpoint in ENDPOINTS}
MOVES_ON = "moves_on"
Part = Mapping[str, Any]
"""What one task reads, as JSON: `{}` of a list, `{"first": "2024-01-01", "last": "2024-01-31"}` of a table by day.

With `"moves_on": true` when an offset moves past these days, so that none of them would be read another time.
"""


def read_endpoint(endpoint: Endpoint, columns: Mapping[str, FieldType], part: Part) -> Iterator[pa.RecordBatch]:
    """Reads the rows of a part; none, after a warning, where the project's plan lacks the table.

    :raises AmplitudeError: as reading them for Airbyte does
    :raises ConfigError: the plan lacks the table, and an offset would move past what was not read; or the days are not
        over yet
    """
    from source_amplitude.spark.arrow import ArrowConverter  # noqa: PLC0415 - only workers need it

    with clear_errors(), known_errors_stay():
        yield from ArrowConverter(columns).batches(_blocks(endpoint, part))
        if "last" in part:
            last = date.fromisoformat(part["last"])
            check_complete(endpoint.config.api_url, "days", last, newest_complete_day)
        if part.get(MOVES_ON) and not endpoint.is_included:
            raise ConfigError(
                f"The project's plan does not include the table {endpoint.name} any more: leave it out until it does."
            )


def _blocks(endpoint: Endpoint, part: Part) -> Iterator[bytes]:
    requests: Iterable[Days] = [NO_DAYS]
    if isinstance(endpoint, DailyEndpoint):
        requests = endpoint.requests(date.fromisoformat(part["first"]), date.fromisoformat(part["last"]))
    for days in requests:
        for lines in endpoint.read(days):
            yield b"\n".join([*lines, b""])


def endpoint(options: Options) -> Endpoint:
    """Returns the endpoint of a table, within the limits of its project."""
    return ENDPOINT_TABLES[options.table](options.config, sender(options.config), logger)


def sender(config: Config) -> Sender:
    """Sends requests of a project, within its limits."""
    return Sender(config, _rates(config.api_url, config.api_key), logger)


@cache
def _rates(api_url: str, api_key: str) -> RateLimiter:  # noqa: ARG001 - they tell projects apart
    """Returns the limits of a project, which all reads in this process share."""
    return RateLimiter(logger)
