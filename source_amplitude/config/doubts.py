"""Finds what is allowed in a configuration and leads to nothing: choices without content, and misspelt fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from source_amplitude.config.dates import nothing_to_read
from source_amplitude.config.model import Config
from source_amplitude.export.windows import floor_to_hour


def doubtful_choices(raw: Mapping[str, Any], config: Config, now: datetime) -> Iterator[str]:
    """Yields a sentence for each choice that `read` will refuse. It quotes no value of the configuration but a date.

    :param raw: the configuration that `config` was made of, migrated
    """
    users = (raw.get("user_profiles") or {}).get("users") or {}
    if users.get("selection") == "listed" and config.user_profiles.users is None:
        yield (
            "user_profiles.users lists no users: the stream user_profiles will be refused. "
            "Name some in user_ids or device_ids, choose active users, or leave the stream out."
        )
    cohorts = (raw.get("cohort_members") or {}).get("cohorts") or {}
    if cohorts.get("selection") == "listed" and config.cohort_members.cohorts is None:
        yield (
            "cohort_members.cohorts lists no cohorts: the stream cohort_members will be refused. "
            "Name some in cohort_ids, choose all cohorts, or leave the stream out."
        )
    if config.start is not None and config.start > now:
        yield f"start_date is in the future, {config.start:%Y-%m-%d}: no events and no days will be read before it."
    first, reason = config.beginning(None, now)
    if config.end is not None and config.end < floor_to_hour(first):
        yield nothing_to_read("A first sync", config.end, first, reason)


def unknown_fields(config: Mapping[str, Any], schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yields a sentence for each field that the form does not have, without its value.

    :param config: a migrated configuration
    :param schema: of the form, or of the object at `path` in it
    """
    known = _properties(schema, config)
    for name, value in config.items() if known else ():
        if name.startswith("_"):  # Airbyte's own
            continue
        field = f"{path}{name}"
        if name in known:
            if isinstance(value, Mapping):
                yield from unknown_fields(value, known[name], f"{field}.")
            continue
        similar = get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean {path}{similar[0]}?" if similar else ""
        yield f"The configuration has a field {field}, which does not exist and is ignored.{meant}"


def _properties(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Selects the fields of an object; where the schema has choices, those of the one that was made."""
    for choice in schema.get("oneOf", ()):
        fields: Mapping[str, Any] = choice.get("properties", {})
        if all(value.get(name) == field["const"] for name, field in fields.items() if "const" in field):
            return fields
    properties: Mapping[str, Any] = schema.get("properties", {})
    return properties
