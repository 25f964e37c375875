"""Reads the JSON schemas of the streams from `schemas/`: the one source of all fields and types."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, cast

ADDITIONAL_FIELDS = "additional_fields"


class FieldType(Enum):
    """Names what a field is declared as. Any of them may be null.

    `begins_with` is the character with which the JSON of each value that fits begins, and that of no other one; None
    where there is no such character.
    """

    STRING = "string"
    TIMESTAMP = "timestamp"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"
    STRINGS = "array of strings"
    LIST_TEXT = "string, also for a list"

    def __init__(self, _: str) -> None:
        self.begins_with: str | None = None


FieldType.STRING.begins_with = FieldType.LIST_TEXT.begins_with = '"'
FieldType.OBJECT.begins_with = "{"
FieldType.ARRAY.begins_with = "["


# Text by one page of Amplitude's documentation, a list by another: a list becomes its JSON text.
_LIST_TEXTS = {"events": {"amplitude_attribution_ids"}}


@cache
def stream_schema(stream: str, *, json_columns_as_string: bool) -> Mapping[str, Any]:
    """Reads the schema of a stream's records.

    :param json_columns_as_string: whether object- and array-valued fields hold JSON text (`properties_format:
        json_string`)
    """
    schema: dict[str, Any] = json.loads(cast(bytes, pkgutil.get_data("source_amplitude", f"schemas/{stream}.json")))
    if json_columns_as_string:
        schema["properties"] = {name: _as_text(field) for name, field in schema["properties"].items()}
    return schema


@cache
def declared_types(stream: str) -> Mapping[str, FieldType]:
    """Reads the types of a stream's fields, but for `additional_fields`, which no answer holds."""
    fields = stream_schema(stream, json_columns_as_string=False)["properties"]
    types = {name: _declared_type(field) for name, field in fields.items() if name != ADDITIONAL_FIELDS}
    return types | dict.fromkeys(_LIST_TEXTS.get(stream, ()), FieldType.LIST_TEXT)


def _declared_type(field: Mapping[str, Any]) -> FieldType:
    [name] = _types(field) - {"null"}
    if name == "string" and field.get("format") == "date-time":
        return FieldType.TIMESTAMP
    return FieldType.STRINGS if _is_list_of_strings(field) else FieldType(name)


def _as_text(field: dict[str, Any]) -> dict[str, Any]:
    """Declares a property bag as text; a list of strings is none, and stays a list."""
    if not {"object", "array"} & _types(field) or _is_list_of_strings(field):
        return field
    kept = {key: value for key, value in field.items() if key in ("title", "description")}
    return {"type": ["null", "string"], **kept}


def _types(field: Mapping[str, Any]) -> set[str]:
    types = field.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _is_list_of_strings(field: Mapping[str, Any]) -> bool:
    return bool(field.get("items", {}).get("type") == "string")
