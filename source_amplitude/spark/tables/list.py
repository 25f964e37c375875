"""Reads tables that are lists: cohorts and their members, annotations, taxonomy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from source_amplitude.errors import ConfigError
from source_amplitude.spark.tables.table import Json, Table, logger

if TYPE_CHECKING:
    import pyarrow as pa

    from source_amplitude.endpoints.endpoint import Endpoint

COHORT_MEMBERS = "cohort_members"


class EndpointTable(Table):
    """Reads one of Amplitude's other endpoints, in one part: their limits are those of a project."""

    @property
    def endpoint(self) -> Endpoint:
        """Returns the endpoint of the table, whose requests keep to the limits that all reads in this process share."""
        from source_amplitude.spark.endpoint_rows import endpoint  # noqa: PLC0415 - whoever reads events does without

        return endpoint(self.options)

    def check_keys(self) -> None:
        from source_amplitude.endpoints.sender import check_keys  # noqa: PLC0415 - workers do without
        from source_amplitude.http.hosts import warn_of_overrides  # noqa: PLC0415
        from source_amplitude.spark.endpoint_rows import sender  # noqa: PLC0415

        warn_of_overrides(logger)
        check_keys(sender(self.options.config), self.options.config.region)

    def read(self, part: Json) -> Iterator[pa.RecordBatch]:
        from source_amplitude.spark.endpoint_rows import read_endpoint  # noqa: PLC0415 - only workers need it

        return read_endpoint(self.endpoint, self.columns, part)


class ListTable(EndpointTable):
    """Reads a list as it is now."""

    @property
    def metadata(self) -> Json:
        return {"primary_keys": list(self.endpoint.primary_keys), "ingestion_type": "snapshot"}

    def check(self) -> None:
        if self.name == COHORT_MEMBERS and self.options.config.cohort_members.cohorts is None:
            raise ConfigError(
                "The table cohort_members needs the option cohort_ids, with commas between, "
                "or max_cohorts, to read all cohorts up to that number."
            )
