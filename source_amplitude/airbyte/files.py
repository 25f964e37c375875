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
    try:
        return load(json.loads(content))  # of bytes: a byte order mark tells the encoding
    except json.JSONDecodeError as error:
        what = error.msg.partition(": ")[0]  # behind which some messages quote the content
        why = f": line {error.lineno}, column {error.colno}: {what}"
    except UnicodeDecodeError as error:
        why = f": it is not in {error.encoding.upper()}"
    except (ValueError, TypeError) as error:
        why = f" ({type(error).__name__})"
    raise ConfigError(f"The {kind} file {path} does not hold {expected}{why}.")


def _mapping(content: Any) -> MutableMapping[str, Any]:
    if not isinstance(content, dict):
        raise TypeError("not an object")
    return content


def _states(content: Any) -> list[AirbyteStateMessage]:
    return [AirbyteStateMessageSerializer.load(message) for message in content or ()]
