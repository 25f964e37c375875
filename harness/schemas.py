"""Whether records fit the schema of their stream, fast enough to look at every record of every test."""

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from harness.limits import STUCK_SECONDS, scaled
from harness.warm import WarmProcess

A_CONFIG = {"api_key": "key", "secret_key": "secret", "start_date": "2024-03-13"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)").fullmatch


class Schema:
    """The discovered schema of a stream.

    :param schema: that of the format in use
    :param as_objects: that of `properties_format: object`, which tells the columns that hold JSON text in the other one
    :param keys: the fields of the stream's key
    """

    def __init__(self, schema: Mapping[str, Any], as_objects: Mapping[str, Any], keys: Sequence[str] = ()) -> None:
        self.keys = keys
        self._validator = Draft7Validator(schema)
        fields: Mapping[str, Any] = schema["properties"]
        self._instants = [name for name, field in fields.items() if field.get("format") == "date-time"]
        # Destinations keep an integer in 64 bits; a number in a float or in DECIMAL(38, 9), however it is written.
        self._integers = [name for name, field in fields.items() if "integer" in types_of(field)]
        self._numbers = [name for name, field in fields.items() if "number" in types_of(field)]
        self._json_texts = [
            name for name, field in as_objects["properties"].items() if types_of(field) - types_of(fields[name])
        ]
        self._kinds: set[tuple[tuple[str, type], ...]] = set()

    def check(self, record: Mapping[str, Any]) -> None:
        """Fails where a record does not fit. Only the first one of its kind is looked at inside of its values."""
        kind = tuple((name, type(value)) for name, value in record.items())
        if kind not in self._kinds or list in map(type, record.values()):
            errors = [
                f"{'/'.join(map(str, error.path))}: {error.message}" for error in self._validator.iter_errors(record)
            ]
            assert not errors, errors
            for name in self._json_texts:
                assert record.get(name) is None or isinstance(of_json(record[name]), (dict, list)), name
            self._kinds.add(kind)
        for name in self._instants:
            if (value := record.get(name)) is not None:
                assert is_instant(value), f"{name}: {value!r} is no instant in RFC 3339"
        for name in self._integers:
            if (value := record.get(name)) is not None:
                assert -(2**63) <= value < 2**63, f"{name}: {value!r} is too large for its column"
        for name in self._numbers:
            if (value := record.get(name)) is not None:
                assert abs(value) < 1e29, f"{name}: {value!r} is too large for its column"

    def check_nul(self, record: Mapping[str, Any]) -> None:
        """Fails where a string has NUL in it, at any depth, and in JSON text too."""
        for name, value in record.items():
            is_json_text = name in self._json_texts and value is not None
            assert not has_nul(of_json(value) if is_json_text else value), f"{name} has NUL in it"


def of_json(text: str) -> Any:
    return json.loads(text, parse_int=str)  # which Python limits to some thousand digits


def types_of(field: Mapping[str, Any]) -> set[str]:
    types = field.get("type", [])
    return {types} if isinstance(types, str) else set(types)


@cache
def is_instant(text: str) -> bool:
    if not _INSTANT(text):
        return False
    try:
        return datetime.fromisoformat(text[:19]).year >= 1
    except ValueError:
        return False


def has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_nul(inner) for entry in value.items() for inner in entry)
    if isinstance(value, list):
        return any(map(has_nul, value))
    return isinstance(value, str) and "\x00" in value


@cache
def discovered(properties_format: str) -> dict[str, Schema]:
    """The schema of each stream, as the command line tells it."""
    streams, as_objects = _discover(properties_format), _discover("object")
    return {
        name: Schema(
            stream["json_schema"],
            as_objects[name]["json_schema"],
            [key for [key] in stream["source_defined_primary_key"]],
        )
        for name, stream in streams.items()
    }


@cache
def _discover(properties_format: str) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({**A_CONFIG, "properties_format": properties_format}))
        process = WarmProcess(["--", "discover", "--config", str(config)], os.environ, out, err)
        exit_code = process.wait(scaled(STUCK_SECONDS))
        out.seek(0)
        err.seek(0)
        assert exit_code == 0, err.read()
        [catalog] = [message["catalog"] for line in out if (message := json.loads(line))["type"] == "CATALOG"]
        return {stream["name"]: stream for stream in catalog["streams"]}
