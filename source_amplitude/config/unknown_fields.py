"""Finds fields of a configuration that nobody reads: mostly misspelt ones, whose defaults would be used silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any


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
        yield f"The configuration has a field {field}, which does not exist and is passed over.{meant}"


def _properties(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Selects the fields of an object; where the schema has choices, those of the one that was made."""
    for choice in schema.get("oneOf", ()):
        fields: Mapping[str, Any] = choice.get("properties", {})
        if all(value.get(name) == field["const"] for name, field in fields.items() if "const" in field):
            return fields
    properties: Mapping[str, Any] = schema.get("properties", {})
    return properties
