"""Reads tables that are lists: cohorts and their members, annotations, taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from source_amplitude.endpoints.endpoint import NO_DAYS, Days, Endpoint
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.endpoints.sender import Sender, check_keys
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import warn_of_overrides
from source_amplitude.spark.tables.table import Json, Table, logger

if TYPE_CHECKING:
    import pyarrow as pa

ENDPOINT_TABLES = {endpoint.name: endpoint for endpoint in ENDPOINTS}


class EndpointTable(Table):
    """Reads one of Amplitude's other endpoints, in one part: their limits are those of a project."""

    @property
    def endpoint(self) -> Endpoint:
        """Returns the endpoint of the table, whose requests keep to the limits that all reads in this process share."""
        return ENDPOINT_TABLES[self.name](self.options.config, self._sender, logger)

    def check_keys(self) -> None:
        warn_of_overrides(logger)
        check_keys(self._sender, self.options.config.region)

    def rows(self, endpoint: Endpoint, requests: Iterable[Days]) -> Iterator[pa.RecordBatch]:
        """Reads the rows of some requests; none, after a warning, where the project's plan lacks the table."""
        from source_amplitude.spark.arrow import ArrowConverter  # noqa: PLC0415 - only workers need it

        blocks = (b"\n".join([*lines, b""]) for days in requests for lines in endpoint.read(days))
        return ArrowConverter(self.columns).batches(blocks)

    @property
    def _sender(self) -> Sender:
        config = self.options.config
        return Sender(config, _rates(config.api_url, config.api_key), logger)


class ListTable(EndpointTable):
    """Reads a list as it is now."""

    @property
    def metadata(self) -> Json:
        return {"primary_keys": list(self.endpoint.primary_keys), "ingestion_type": "snapshot"}

    def check(self) -> None:
        if self.name == "cohort_members" and self.options.config.cohort_members.cohorts is None:
            raise ConfigError(
                "The table cohort_members needs the option cohort_ids, with commas between, "
                "or max_cohorts, to read all cohorts up to that number."
            )

    def batches(self, part: Json) -> Iterator[pa.RecordBatch]:
        return self.rows(self.endpoint, [NO_DAYS])


@cache
def _rates(api_url: str, api_key: str) -> RateLimiter:  # noqa: ARG001 - they tell projects apart
    """Returns the limits of a project, which all reads in this process share."""
    return RateLimiter(logger)
