"""The tables that Spark can read, and which of them a project has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.errors import NOT_IN_THE_EU, ConfigError
from source_amplitude.http.hosts import Region
from source_amplitude.spark import labs

EVENTS = "events"
USER_PROFILES = "user_profiles"


@dataclass(frozen=True)
class Table:
    """What a pipeline must know of a table.

    :param cursor_field: the column by which it is read incrementally; None for a snapshot
    :param ingestion_type: `append`, `cdc` (rows come again with other values: merge them by key), or `snapshot`
    """

    primary_keys: tuple[str, ...]
    cursor_field: str | None
    ingestion_type: str

    def as_metadata(self) -> dict[str, Any]:
        cursor = {"cursor_field": self.cursor_field} if self.cursor_field else {}
        return {"primary_keys": list(self.primary_keys), **cursor, "ingestion_type": self.ingestion_type}


def _table_of(endpoint: type[Endpoint]) -> Table:
    return Table(endpoint.primary_keys, endpoint.cursor_field, "cdc" if endpoint.cursor_field else "snapshot")


ENDPOINT_TABLES = {endpoint.name: endpoint for endpoint in ENDPOINTS}
TABLES = {
    EVENTS: Table(("uuid",), "server_upload_time", "append"),
    USER_PROFILES: Table(("user_id",), None, "snapshot"),
    **{name: _table_of(endpoint) for name, endpoint in ENDPOINT_TABLES.items()},
}


def is_by_day(table: str) -> bool:
    """Whether a table has numbers a day, and so a history that can be read as a stream."""
    return table in ENDPOINT_TABLES and issubclass(ENDPOINT_TABLES[table], DailyEndpoint)


def tables_in(region: Region) -> list[str]:
    """The names of the tables that a project of a region has."""
    return [name for name in TABLES if region == "US" or name != USER_PROFILES]


def check_table(name: str, region: Region) -> None:
    """:raises ConfigError: there is no such table, in this region or at all"""
    labs.check_table(name)
    if name not in TABLES:
        raise ConfigError(f"There is no table {name}: choose one of {', '.join(tables_in(region))}.")
    if name not in tables_in(region):
        raise ConfigError(f"{NOT_IN_THE_EU}: leave the table {name} out.")
