"""Knows which tables there are, and which of them a project has."""

from __future__ import annotations

from source_amplitude.errors import NOT_IN_THE_EU, ConfigError
from source_amplitude.http.hosts import Region
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.events import EventsTable
from source_amplitude.spark.tables.profiles import ProfilesTable
from source_amplitude.spark.tables.table import Table

EVENTS = "events"
USER_PROFILES = "user_profiles"


def table_of(options: Options) -> Table:
    """Opens the table that the options name.

    :raises ConfigError: there is no such table, in this region or at all
    """
    check_table(options.table, options.config.region)
    if options.table == EVENTS:
        return EventsTable(options)
    if options.table == USER_PROFILES:
        return ProfilesTable(options)
    # Only here, since they cost whoever reads events a tenth of a second in each process.
    from source_amplitude.endpoints.daily import DailyEndpoint  # noqa: PLC0415
    from source_amplitude.spark.tables.daily import DailyTable  # noqa: PLC0415
    from source_amplitude.spark.tables.list import ENDPOINT_TABLES, ListTable  # noqa: PLC0415

    is_daily = issubclass(ENDPOINT_TABLES[options.table], DailyEndpoint)
    return DailyTable(options) if is_daily else ListTable(options)


def tables_in(region: Region) -> list[str]:
    """Lists the names of the tables that a project of a region has."""
    from source_amplitude.spark.tables.list import ENDPOINT_TABLES  # noqa: PLC0415 - as above

    return [EVENTS, *([USER_PROFILES] if region == "US" else []), *ENDPOINT_TABLES]


def check_table(name: str, region: Region) -> None:
    """Refuses a table that a project does not have.

    :raises ConfigError: there is no such table, in this region or at all
    """
    if name == "active_users_counts":  # of the labs connector, with other columns
        raise ConfigError(
            "There is no table active_users_counts: active_users and new_users have its numbers, one row a day with "
            "all segments in the column statistics. docs/spark.md says how to come from the labs connector."
        )
    if name == USER_PROFILES and region != "US":
        raise ConfigError(f"{NOT_IN_THE_EU}: leave the table {name} out.")
    if name != EVENTS and name not in tables_in(region):
        raise ConfigError(f"There is no table {name}: choose one of {', '.join(tables_in(region))}.")
