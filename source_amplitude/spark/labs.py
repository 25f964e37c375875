"""Checks options of pipelines that were made for Databricks Labs' Amplitude source.

Facts from its README and code (databrickslabs/lakeflow-community-connectors, sources/amplitude). Each option either
means here what it means there, or is refused with a sentence; none is ignored where rows depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from source_amplitude.errors import ConfigError

OPTIONS = ("window_hours", "window_days", "m", "i", "g", "lookback_hours")
# The metric that Amplitude's /api/2/users is asked for by each table.
_METRICS = {"active_users": "active", "new_users": "new"}
_TABLE_OF = {metric: table for table, metric in _METRICS.items()}


def check_options(table: str, given: Mapping[str, str]) -> None:
    """Refuses options that mean something else here.

    :raises ConfigError: an option asks for rows that the table does not have here
    """
    if given.get("lookback_hours", "0") != "0":
        raise ConfigError(
            "lookback_hours is not offered on Spark, where it would append events twice. "
            "Leave it out; a larger export_delay_hours waits for late data."
        )
    if table == "session_length_distribution" and "window_days" in given:
        raise ConfigError(
            "The table session_length_distribution has the numbers of each day, not of window_days days together: "
            "leave window_days out, and sum the days."
        )
    if table in _METRICS:
        _check_users(table, given)


def _check_users(table: str, given: Mapping[str, str]) -> None:
    metric = given.get("m", _METRICS[table]).lower()
    if metric != _METRICS[table]:
        meant = f": read the table {_TABLE_OF[metric]}" if metric in _TABLE_OF else ""
        raise ConfigError(f"The table {table} does not have the metric that the option m names{meant}.")
    if given.get("i", "1") != "1":
        raise ConfigError(f"The table {table} has the numbers of each day: leave the option i out.")
    by_country = given.get("active_users_group_by_country", "true").lower() == "true"
    if "g" in given and (given["g"] != "country" or not by_country):
        raise ConfigError(
            f"The table {table} is grouped by country or not at all: leave the option g out, and set "
            "active_users_group_by_country."
        )
