"""Reads Spark's options, which are all strings, as a typed configuration."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from source_amplitude.config.dates import check_range, end_hour
from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.spark import labs

TABLE = "table"
DEFAULT_TABLE = "events"

_KEYS = {"api_key": "AMPLITUDE_API_KEY", "secret_key": "AMPLITUDE_SECRET_KEY"}
# What the text of each option is read as: by the object of the form that has it as a field, or of Spark alone. A list
# is split by whoever takes it from the form; a tuple is of names, which may hold commas themselves.
_TYPES: Mapping[str, Mapping[str, type]] = {
    "form": {
        "region": str, "start_date": str, "skip_hours": list, "batch_size_hours": int, "export_delay_hours": int,
        "num_workers": int, "active_users_group_by_country": bool,
    },
    "user_profiles": {
        "get_amp_props": bool, "get_cohort_ids": bool, "get_computations": bool, "recommendation_ids": list,
        "prediction_ids": list, "propensity_type": str, "requests_per_minute": int,
    },
    "users": {"user_ids": list, "device_ids": list},
    "cohort_members": {"user_properties": tuple},
    "cohorts": {"cohort_ids": list, "max_cohorts": int},
    "spark": {TABLE: str, "end_date": str, "timestamps": bool, "columns": tuple},
}  # fmt: skip
# Other names of the same, in community connectors and in `load("events")`.
OTHER_NAMES = {TABLE: ("tablename", "path"), "region": ("data_region",), "batch_size_hours": ("window_hours",)}
# Of Spark, and of pipelines that are made of community connectors.
FOREIGN = ("tablenamelist", "tableconfigs", "isdeleteflow", "namespace")
KNOWN = frozenset().union(_KEYS, *_TYPES.values(), *OTHER_NAMES.values(), FOREIGN, labs.OPTIONS)
_REFUSED = {
    "properties_format": "On Spark the columns of properties always hold JSON text. "
    "Leave properties_format out, and parse them with from_json, parse_json or get_json_object.",
    "paths": "A read has one table: load them one by one.",
}
_REGIONS = {"STANDARD": "US"}
_CLOSE = 0.8
MOST_DIGITS = 18


@dataclass(frozen=True)
class Options:
    """Holds what a table is read with.

    :param timestamps: whether timestamps are of Spark's type instead of text
    :param columns: the names of the columns to read, in their order; empty: all
    """

    config: Config
    table: str = DEFAULT_TABLE
    timestamps: bool = False
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, str], logger: logging.Logger) -> Options:
        """Reads the options of a connection and of a table together; their names may be in any case.

        :raises ConfigError: with a sentence that names the option and what is allowed
        """
        stripped = {name.lower(): str(value).strip() for name, value in raw.items() if value is not None}
        named = {name: value for name, value in stripped.items() if value}
        _check_names(named, logger)
        given = _by_own_names(named)
        table = given.get(TABLE, DEFAULT_TABLE)
        labs.check_options(table, given)
        config = Config.from_mapping(_configuration(given))
        own = _values(given, "spark")
        end = end_hour(own.get("end_date"))
        check_range(config.start, end)
        return cls(replace(config, end=end), table, own.get("timestamps", False), _columns(own.get("columns", ())))


def _check_names(given: Mapping[str, str], logger: logging.Logger) -> None:
    """Refuses what is not offered and what looks mistyped; passes over others, since platforms add some."""
    for name, sentence in _REFUSED.items():
        if name in given:
            raise ConfigError(sentence)
    unknown = sorted(given.keys() - KNOWN)
    for name in unknown:
        if meant := get_close_matches(name, sorted(KNOWN), n=1, cutoff=_CLOSE):
            raise ConfigError(f"There is no option {name}: {meant[0]} is probably meant.")
    if unknown:
        logger.warning(f"Options that this connector does not know: {', '.join(unknown)}")


def _by_own_names(given: Mapping[str, str]) -> dict[str, str]:
    """Replaces other names of options by their own.

    :raises ConfigError: options that have the same meaning contradict each other
    """
    found = dict(given)
    for name in ("region", *OTHER_NAMES["region"]):
        if name in found:
            found[name] = _REGIONS.get(found[name].upper(), found[name].upper())
    for name, others in OTHER_NAMES.items():
        values = {each: found.pop(each) for each in (name, *others) if each in found}
        if len(set(values.values())) > 1:
            given_as = " and ".join(f"{each} is {value}" for each, value in values.items())
            raise ConfigError(f"Options contradict each other: {given_as}. Leave one of them out.")
        if values:
            found[name] = next(iter(values.values()))
    return found


def _configuration(given: Mapping[str, str]) -> dict[str, Any]:
    """Makes the configuration that the form would give, for its validation to name what is wrong."""
    if "cohort_ids" in given and "max_cohorts" in given:
        raise ConfigError("Give one of the options cohort_ids and max_cohorts, not both.")
    keys = {name: _key(given, name) for name in _KEYS}
    config, profiles, users, members, cohorts = (
        _values(given, each) for each in ("form", "user_profiles", "users", "cohort_members", "cohorts")
    )
    if users:
        profiles["users"] = {"selection": "listed", **users}
    if cohorts:
        members["cohorts"] = {"selection": "listed" if "cohort_ids" in cohorts else "all", **cohorts}
    return {**config, **keys, "user_profiles": profiles, "cohort_members": members}


def _values(given: Mapping[str, str], place: str) -> dict[str, Any]:
    return {name: _value(given[name], kind, name) for name, kind in _TYPES[place].items() if name in given}


def _value(text: str, kind: type, option: str) -> Any:
    """Reads the text of an option; what is no number as it is, for the validation to refuse.

    :raises ConfigError: it is neither true nor false, or it does not hold names
    """
    if kind is int and text.removeprefix("-").isdecimal() and len(text) <= MOST_DIGITS:
        return int(text)
    if kind is bool and text.lower() not in ("true", "false"):
        raise ConfigError(f"{option} must be true or false.")
    if kind is bool:
        return text.lower() == "true"
    if kind is tuple:
        return names_in(text, option)
    return [text] if kind is list else text


def names_in(text: str, option: str) -> list[Any]:
    """Reads names with commas between, or as a JSON list where they hold commas themselves."""
    return list(json_in(text, option)) if text.startswith("[") else text.split(",")


def json_in(text: str, option: str) -> Any:
    """Reads the JSON of an option.

    :raises ConfigError: it holds something else
    """
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError(f"The option {option} must hold JSON.") from None


def _columns(names: Sequence[Any]) -> tuple[str, ...]:
    """Returns the names of columns, each once.

    :raises ConfigError: one of them is empty
    """
    stripped = [str(name).strip() for name in names]
    if not all(stripped):
        raise ConfigError("The option columns must hold names of columns, with commas between.")
    return tuple(dict.fromkeys(stripped))


def _key(given: Mapping[str, str], name: str) -> str:
    """Finds a key by its option, or by the environment of the driver, which no plan and no log shows."""
    if key := given.get(name) or os.environ.get(_KEYS[name]):
        return key
    raise ConfigError(f"{name} is required: give it as an option, or as {_KEYS[name]} in the driver's environment.")
