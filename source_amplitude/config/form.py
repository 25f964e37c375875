"""Checks configurations against the form that Airbyte shows, and migrates those that were written for an older one."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from source_amplitude.config.dates import start_of
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import Region

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

WIDEST_HOURS = 8760
MOST_LEVELS = 20  # of a configuration; the form has three
_IN_WORDS = {
    "string": "text",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
    "integer": "a whole number",
}
_REGION_BY_OFFICIAL_NAME: dict[str, Region] = {"Standard Server": "US", "EU Residency Server": "EU"}


@cache
def connection_specification() -> Mapping[str, Any]:
    """Reads the JSON schema of the form from `spec.json`."""
    spec = json.loads(cast(bytes, pkgutil.get_data("source_amplitude", "spec.json")))
    return cast(Mapping[str, Any], spec["connectionSpecification"])


def migrate(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Makes a configuration in today's fields of one that may be written for the official connector.

    `data_region` becomes `region`, and `request_time_range` (hours) becomes `batch_size_hours`; fields that are set
    already win. Values that cannot be understood are left for the validation to name. Null and an empty text are as
    good as absent, but for an empty key.
    """
    config = _without_blanks(raw)
    region = config.pop("data_region", None)
    if region is not None:
        config.setdefault("region", _REGION_BY_OFFICIAL_NAME.get(str(region), region))
    hours = config.pop("request_time_range", None)
    if hours is not None:
        config.setdefault("batch_size_hours", min(hours, WIDEST_HOURS) if isinstance(hours, int) else hours)
    return config


def _without_blanks(fields: Mapping[str, Any], levels: int = MOST_LEVELS) -> dict[str, Any]:
    if not levels:
        raise ConfigError("Config validation error: the configuration is nested too deeply.")
    return {
        name: _without_blanks(value, levels - 1) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not None and (value != "" or name in ("api_key", "secret_key"))
    }


def validate(config: Mapping[str, Any], specification: Mapping[str, Any]) -> None:
    """Checks a configuration against the form's schema.

    :raises ConfigError: naming the field and what is allowed, never the value
    """
    from jsonschema import Draft7Validator  # noqa: PLC0415 - Spark's workers get what was validated on the driver
    from jsonschema.exceptions import relevance  # noqa: PLC0415

    error = max(Draft7Validator(specification).iter_errors(config), key=relevance, default=None)
    if error is not None:
        raise ConfigError(f"Config validation error: {_sentence(error)}")
    start_of(config.get("start_date"))


def _sentence(error: ValidationError) -> str:
    name = ".".join(map(str, error.absolute_path)) or "the configuration"
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "required":
        return _sentence_on_missing(error)
    if "enum" in schema:
        return f"{name} must be one of {', '.join(map(str, schema['enum']))}."
    if error.validator == "pattern" and "pattern_descriptor" in schema:
        return f"{name} must have the form {schema['pattern_descriptor']}."
    if error.validator == "minLength":
        return f"{name} must not be empty."
    kind = schema.get("type", "valid")
    if "minimum" in schema and "maximum" in schema:
        return f"{name} must be a whole number from {schema['minimum']} to {schema['maximum']}."
    if error.validator == "oneOf":
        return _sentence_on_choices(error.context or [])
    return f"{name} must be {_IN_WORDS.get(kind, kind)}."


def _sentence_on_missing(error: ValidationError) -> str:
    """Names all fields that are missing, and those that may have been meant by fields that do not exist."""
    given = cast(dict[str, Any], error.instance)
    known = cast(Mapping[str, Any], error.schema).get("properties", {})
    missing = [name for name in cast(list[str], error.validator_value) if name not in given]
    names = [".".join(map(str, [*error.absolute_path, name])) for name in missing]
    meant = []
    for name in missing:
        strangers = {stranger.lower().replace("_", ""): stranger for stranger in given if stranger not in known}
        meant += [f"{name} by {strangers[each]}" for each in get_close_matches(name.replace("_", ""), strangers, n=1)]
    question = f" Did you mean {' and '.join(meant)}?" if meant else ""
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} required.{question}"


def _sentence_on_choices(problems: Sequence[ValidationError]) -> str:
    """Describes what is wrong within the choice that was made; where none was made, lists the choices."""
    not_made = {problem.schema_path[0]: problem for problem in problems if problem.validator == "const"}
    within = [problem for problem in problems if problem.schema_path[0] not in not_made]
    if within:
        return _sentence(within[0])
    name = ".".join(map(str, problems[0].absolute_path))
    return f"{name} must be one of {', '.join(str(problem.validator_value) for problem in not_made.values())}."
