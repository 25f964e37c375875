"""Reads Spark's options, which are all strings, as a typed configuration."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from source_amplitude.config.dates import check_range, end_hour
from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.spark import labs

TABLE = "table"
DEFAULT_TABLE = "events"

_KEYS = {"api_key": "AMPLITUDE_API_KEY", "secret_key": "AMPLITUDE_SECRET_KEY"}
_REGIONS = {"US": "US", "EU": "EU", "STANDARD": "US"}
# Fields of the form that need nothing but their type: whole numbers, and those of `user_profiles`.
_NUMBERS = ("batch_size_hours", "export_delay_hours", "num_workers")
_PROFILE_BOOLEANS = ("get_amp_props", "get_cohort_ids", "get_computations")
_PROFILE_LISTS = ("recommendation_ids", "prediction_ids")
# Each of these is read by its name below.
_OTHERS = (TABLE, "region", "data_region", "start_date", "end_date", "skip_hours", "timestamps", "columns",
           "user_ids", "device_ids", "propensity_type", "requests_per_minute", "active_users_group_by_country",
           "cohort_ids", "max_cohorts", "user_properties")  # fmt: skip
# Of Spark (`load("events")`) and of pipelines that are made of community connectors.
_FOREIGN = ("path", "paths", "tablename", "tablenamelist", "tableconfigs", "isdeleteflow", "namespace")
_KNOWN = frozenset([*_KEYS, *_NUMBERS, *_PROFILE_BOOLEANS, *_PROFILE_LISTS, *_OTHERS, *_FOREIGN, *labs.OPTIONS])
_NOT_ON_SPARK = {
    "properties_format": "On Spark the columns of properties always hold JSON text. "
    "Leave properties_format out, and parse them with from_json, parse_json or get_json_object.",
}
_CLOSE = 0.8
MOST_DIGITS = 18


@dataclass(frozen=True)
class Options:
    """Holds what a table is read with.

    :param end: the last hour to read; None: the newest complete one
    :param timestamps: whether timestamps are of Spark's type instead of text
    :param columns: the names of the columns to read, in their order; empty: all
    """

    config: Config
    table: str = DEFAULT_TABLE
    end: datetime | None = None
    timestamps: bool = False
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, str], logger: logging.Logger) -> Options:
        """Reads the options of a connection and of a table together; their names may be in any case.

        :raises ConfigError: with a sentence that names the option and what is allowed
        """
        stripped = {name.lower(): str(value).strip() for name, value in raw.items() if value is not None}
        given = {name: value for name, value in stripped.items() if value}
        _check_names(given, logger)
        table = _one_of(given, TABLE, "tablename", "path") or DEFAULT_TABLE
        labs.check_options(table, given)
        config = Config.from_mapping(_configuration(given))
        end = end_hour(given.get("end_date"))
        check_range(config.start, end)
        return cls(config, table, end, _boolean(given, "timestamps"), _columns(given))


def _check_names(given: Mapping[str, str], logger: logging.Logger) -> None:
    """Refuses what is not offered and what looks mistyped; passes over others, since platforms add some."""
    for name in given:
        if name in _NOT_ON_SPARK:
            raise ConfigError(_NOT_ON_SPARK[name])
    if "paths" in given:
        raise ConfigError("A read has one table: load them one by one.")
    unknown = sorted(given.keys() - _KNOWN)
    for name in unknown:
        if meant := get_close_matches(name, sorted(_KNOWN), n=1, cutoff=_CLOSE):
            raise ConfigError(f"There is no option {name}: {meant[0]} is probably meant.")
    if unknown:
        logger.warning(f"Options that this connector does not know: {', '.join(unknown)}")


def _configuration(given: Mapping[str, str]) -> dict[str, Any]:
    """Makes the configuration that the form would give, for its validation to name what is wrong."""
    config: dict[str, Any] = {name: _key(given, name) for name in _KEYS}
    regions = {name: given[name].upper() for name in ("region", "data_region") if name in given}
    if region := _one_of({name: _REGIONS.get(text, text) for name, text in regions.items()}, *regions):
        config["region"] = region
    if start := given.get("start_date"):
        config["start_date"] = start
    if hours := given.get("skip_hours"):
        config["skip_hours"] = [hours]
    config |= {name: _number(given[name]) for name in _NUMBERS if name in given}
    if width := _one_of(given, "batch_size_hours", "window_hours"):
        config["batch_size_hours"] = _number(width)
    profiles: dict[str, Any] = {name: _boolean(given, name) for name in _PROFILE_BOOLEANS if name in given}
    profiles |= {name: [given[name]] for name in _PROFILE_LISTS if name in given}
    if "requests_per_minute" in given:
        profiles["requests_per_minute"] = _number(given["requests_per_minute"])
    if "propensity_type" in given:
        profiles["propensity_type"] = given["propensity_type"]
    users = {name: [given[name]] for name in ("user_ids", "device_ids") if name in given}
    if users:
        profiles["users"] = {"selection": "listed", **users}
    if "active_users_group_by_country" in given:
        config["active_users_group_by_country"] = _boolean(given, "active_users_group_by_country")
    return {**config, "user_profiles": profiles, "cohort_members": _cohort_members(given)}


def _cohort_members(given: Mapping[str, str]) -> dict[str, Any]:
    """Reads which cohorts, by their ids or all of them up to a number, and with which user properties."""
    found: dict[str, Any] = {}
    if "cohort_ids" in given and "max_cohorts" in given:
        raise ConfigError("Give one of the options cohort_ids and max_cohorts, not both.")
    if "cohort_ids" in given:
        found["cohorts"] = {"selection": "listed", "cohort_ids": [given["cohort_ids"]]}
    if "max_cohorts" in given:
        found["cohorts"] = {"selection": "all", "max_cohorts": _number(given["max_cohorts"])}
    if "user_properties" in given:
        found["user_properties"] = _names_in(given["user_properties"], "user_properties")
    return found


def _one_of(given: Mapping[str, str], *names: str) -> str | None:
    """Returns the value of options that have the same meaning.

    :raises ConfigError: they contradict each other
    """
    found = {name: given[name] for name in names if name in given}
    if len(set(found.values())) > 1:
        given_as = " and ".join(f"{name} is {value}" for name, value in found.items())
        raise ConfigError(f"Options contradict each other: {given_as}. Leave one of them out.")
    return next(iter(found.values()), None)


def _columns(given: Mapping[str, str]) -> tuple[str, ...]:
    """Reads the names of columns, each once."""
    if "columns" not in given:
        return ()
    names = [str(name).strip() for name in _names_in(given["columns"], "columns")]
    if not all(names):
        raise ConfigError("The option columns must hold names of columns, with commas between.")
    return tuple(dict.fromkeys(names))


def _names_in(text: str, option: str) -> list[Any]:
    """Reads names with commas between, or as a JSON list where they hold commas themselves."""
    if not text.startswith("["):
        return text.split(",")
    try:
        names = json.loads(text)
    except ValueError:
        raise ConfigError(f"The option {option} must hold JSON.") from None
    return list(names)


def _key(given: Mapping[str, str], name: str) -> str:
    """Finds a key by its option, or by the environment of the driver, which no plan and no log shows."""
    if key := given.get(name) or os.environ.get(_KEYS[name]):
        return key
    raise ConfigError(f"{name} is required: give it as an option, or as {_KEYS[name]} in the driver's environment.")


def _number(text: str) -> int | str:
    """Reads a whole number; any other text as it is, for the validation to refuse."""
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= MOST_DIGITS else text


def _boolean(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ConfigError(f"{name} must be true or false.")
    return text == "true"
