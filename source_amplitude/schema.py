"""The JSON schemas of the streams, from `schemas/`: the one source of what fields there are, and of their types."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, cast


@cache
def stream_schema(stream: str, *, json_columns_as_string: bool) -> Mapping[str, Any]:
    """The schema of a stream's records.

    :param json_columns_as_string: whether object- and array-valued fields hold JSON text (`properties_format:
        json_string`)
    """
    schema = json.loads(cast(bytes, pkgutil.get_data("source_amplitude", f"schemas/{stream}.json")))
    return _with_json_columns_as_string(schema) if json_columns_as_string else cast(Mapping[str, Any], schema)


def _with_json_columns_as_string(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A list of strings is no property bag, and stays a list."""
    return {**schema, "properties": {name: _as_text(field) for name, field in schema["properties"].items()}}


def _as_text(field: Mapping[str, Any]) -> dict[str, Any]:
    types = field.get("type", [])
    if not {"object", "array"} & set([types] if isinstance(types, str) else types):
        return dict(field)
    if field.get("items", {}).get("type") == "string":
        return dict(field)
    kept = {key: value for key, value in field.items() if key in ("title", "description")}
    return {"type": ["null", "string"], **kept}
