"""The files that a command is given. What is wrong with one is the user's to mend; its content is in no message."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
)

from source_amplitude.errors import ConfigError

T = TypeVar("T")


def config_from(path: str) -> MutableMapping[str, Any]:
    """:raises ConfigError: it cannot be read, or is no JSON object"""
    return _read("config", path, _mapping, "a JSON object")


def catalog_from(path: str) -> ConfiguredAirbyteCatalog:
    """:raises ConfigError: it cannot be read, or is no configured catalog"""
    return _read("catalog", path, ConfiguredAirbyteCatalogSerializer.load, "a configured Airbyte catalog in JSON")


def state_from(path: str | None) -> list[AirbyteStateMessage]:
    """The state messages in a file; none without a file, or in one that holds null or nothing but brackets.

    :raises ConfigError: it cannot be read, or holds something else
    """
    return _read("state", path, _states, "a JSON array of Airbyte state messages") if path else []


def _read(kind: str, path: str, load: Callable[[Any], T], expected: str) -> T:
    """:param load: raises ValueError or TypeError for content that is not what is expected"""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"The {kind} file {path} cannot be read: {error.strerror}.") from error
    loaded: Any = None
    try:
        loaded = json.loads(content)  # of bytes: a byte order mark tells the encoding
        return load(loaded)
    except json.JSONDecodeError as error:
        what = error.msg.partition(": ")[0]  # behind which some messages quote the content
        why = f": line {error.lineno}, column {error.colno}: {what}"
    except UnicodeDecodeError as error:
        why = f": it is not in {error.encoding.upper()}"
    except RecursionError:
        why = ": it is nested too deeply"
    except (ValueError, TypeError) as error:
        why = _place(error)
    raise ConfigError(f"The {kind} file {path} does not hold {expected}{why}.{_mix_up(kind, loaded)}")


class _MisplacedError(ValueError):
    """What the CDK's serializers say of one entry of a list."""

    def __init__(self, entry: str, error: Exception) -> None:
        super().__init__(entry)
        self.entry = entry
        self.errors = getattr(error, "errors", ())


def _place(error: Exception) -> str:
    """Where the CDK's serializers found something else than they expect; what they found is content."""
    problems = getattr(error, "errors", ())
    places = filter(None, [getattr(error, "entry", ""), problems[0].instance_path if problems else ""])
    place = "/".join(places)
    return f": look at {place}" if place else ""


def _mix_up(kind: str, content: Any) -> str:
    """A hint for what is usually given instead."""
    entries = content if isinstance(content, list) else []
    if kind == "catalog" and isinstance(content, dict):
        streams = content.get("streams")
        is_discovered = "catalog" in content or (isinstance(streams, list) and any("name" in each for each in streams))
        if is_discovered:
            return " It looks like what discover prints; sample_files/configured_catalog.json is a configured one."
    if kind == "state" and isinstance(content, dict):
        return " It holds an object: put it into square brackets."
    if kind == "state" and any(isinstance(entry, dict) and "state" in entry for entry in entries):
        return ' Give what each STATE message has under "state".'
    return ""


def _mapping(content: Any) -> MutableMapping[str, Any]:
    if not isinstance(content, dict):
        raise TypeError("not an object")
    return content


def _states(content: Any) -> list[AirbyteStateMessage]:
    found = []
    for number, message in enumerate(content or ()):
        try:
            found.append(AirbyteStateMessageSerializer.load(message))
        except ValueError as error:
            raise _MisplacedError(str(number), error) from None
    return found
