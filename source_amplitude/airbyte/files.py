"""Reads the files that a command is given. An error names the file and what is wrong, never its content."""

from __future__ import annotations

import errno
import json
import os
import select
import time
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
)

from source_amplitude.errors import ConfigError

T = TypeVar("T")
MOST_BYTES = 16 * 1024 * 1024
WAIT_SECONDS = 10.0  # for a pipe or a device, such as that of `--config <(vault read ...)`
PIECE_BYTES = 64 * 1024
KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
STATE_FORM = (
    'It must be one list with the newest state of each stream, as a STATE message has it under "state": '
    '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"events"},"stream_state":{...}}}]. '
    "The command sync keeps such a file by itself."
)
CATALOG_COMMAND = "The command source-amplitude catalog --config FILE prints one."
HINTS_FOR_NOTHING = {
    "catalog": f" {CATALOG_COMMAND}",
    "state": " To read everything from start_date, put [] into it; otherwise put the last state back.",
}
_TRAILING_COMMA = "Comma before the closing bracket"
# What Python before 3.13 says at a bracket that a comma precedes.
_NOTHING_BEFORE = {"}": "Expecting property name enclosed in double quotes", "]": "Expecting value"}


def config_from(config_path: str) -> MutableMapping[str, Any]:
    """Reads a configuration.

    :raises ConfigError: the file cannot be read, or is no JSON object
    """
    return _read("config", config_path, _mapping, "a JSON object")


def catalog_from(catalog_path: str) -> ConfiguredAirbyteCatalog:
    """Reads a configured catalog.

    :raises ConfigError: the file cannot be read, is no configured catalog, or has no streams
    """
    catalog = _read("catalog", catalog_path, _catalog, "a configured Airbyte catalog in JSON")
    if not catalog.streams:
        file = _shown(catalog_path)
        raise ConfigError(f"The catalog file {file} has no streams, so nothing can be read. {CATALOG_COMMAND}")
    return catalog


def state_from(state_path: str | None) -> list[AirbyteStateMessage]:
    """Reads the state messages in a file; none without a file, or in one that holds null or nothing but brackets.

    :raises ConfigError: the file cannot be read, or holds something else
    """
    return _read("state", state_path, _states, "a JSON array of Airbyte state messages") if state_path else []


def _read(kind: str, path: str, load: Callable[[Any], T], expected: str) -> T:
    """Reads a JSON file.

    :param load: raises ValueError for content that is not what is expected, with the place where it is not
    :raises ConfigError: the file cannot be read, or holds something else
    """
    file = f"{kind} file {_shown(path)}"
    try:
        content = _content(path)
    except OSError as error:
        to_whom = f" to the user with the id {os.geteuid()}" if isinstance(error, PermissionError) else ""
        raise ConfigError(f"The {file} cannot be read: {error.strerror}{to_whom}.") from error
    if not content.strip():
        raise ConfigError(f"The {file} is empty.{HINTS_FOR_NOTHING.get(kind, '')}")
    loaded: Any = None
    try:
        loaded = json.loads(content, parse_int=_whole_number)  # of bytes: a byte order mark gives the encoding
        return load(loaded)
    except json.JSONDecodeError as error:
        if kind == "state" and error.msg == "Extra data":
            raise ConfigError(f"The {file} holds several JSON texts instead of one. {STATE_FORM}") from None
        error = _at_trailing_comma(error) or error
        what = error.msg.partition(": ")[0]  # behind which some messages quote the content
        why = f": line {error.lineno}, column {error.colno}: {what}"
    except UnicodeDecodeError as error:
        why = f": it is not in {error.encoding.upper()}"
    except RecursionError:
        why = ": it is nested too deeply"
    except ValueError as error:
        place, is_object = str(error), isinstance(loaded, dict)
        why = f": look at {place}" if place else "" if is_object else f", but {KINDS.get(type(loaded), 'a number')}"
    raise ConfigError(f"The {file} does not hold {expected}{why}.{_mix_up(kind, loaded)}")


def _whole_number(digits: str) -> float:
    """Reads a whole number; one of more digits than Python takes (4,300) as infinite, which no field allows."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _content(path: str) -> bytes:
    """Reads all bytes of a file, or of a pipe whose writer closes it in time.

    :raises OSError: with a text for people
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer would not open
    until = time.monotonic() + WAIT_SECONDS
    content = bytearray()
    try:
        while select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            part = os.read(descriptor, PIECE_BYTES)
            if not part:
                return bytes(content)
            content += part
            if len(content) > MOST_BYTES:
                raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES // 1024**2} MB")
    finally:
        os.close(descriptor)
    raise OSError(errno.ETIMEDOUT, f"its end did not come within {WAIT_SECONDS:.0f} seconds")


def _shown(path: str) -> str:
    """Writes a path for a message; file names need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _at_trailing_comma(error: json.JSONDecodeError) -> json.JSONDecodeError | None:
    """Finds the comma before a closing bracket that broke the JSON: Python 3.13 points at it, others behind it."""
    before = error.doc[: error.pos].rstrip(" \t\n\r")
    if error.msg == _NOTHING_BEFORE.get(error.doc[error.pos : error.pos + 1]) and before.endswith(","):
        return json.JSONDecodeError(_TRAILING_COMMA, error.doc, len(before) - 1)
    if error.msg.startswith("Illegal trailing comma"):
        return json.JSONDecodeError(_TRAILING_COMMA, error.doc, error.pos)
    return None


def _mix_up(kind: str, content: Any) -> str:
    """Adds a hint where the content is one that is often given by mistake."""
    match kind, content:
        case "catalog", {"catalog": _} | {"streams": [{"name": _}, *_]}:
            return f" It looks like what discover prints. {CATALOG_COMMAND}"
        case "catalog", _:
            return f" {CATALOG_COMMAND}"
        case "state", {"state": _}:
            return f" It holds a whole STATE message. {STATE_FORM}"
        case "state", {"type": "STREAM"}:
            return " It holds the state of one stream: put it into square brackets."
        case "state", {}:
            return f" It holds an object, as states were once written. {STATE_FORM}"
        case "state", _:
            is_whole = isinstance(content, list) and any(isinstance(each, dict) and "state" in each for each in content)
            return f" It holds whole STATE messages. {STATE_FORM}" if is_whole else f" {STATE_FORM}"
    return ""


def _mapping(content: Any) -> MutableMapping[str, Any]:
    if not isinstance(content, dict):
        raise ValueError  # noqa: TRY004 - as all content that is not what is expected
    return content


def _catalog(content: Any) -> ConfiguredAirbyteCatalog:
    return _loaded(ConfiguredAirbyteCatalogSerializer.load, content)


def _states(content: Any) -> list[AirbyteStateMessage]:
    if content is not None and not isinstance(content, list):
        raise ValueError
    load = AirbyteStateMessageSerializer.load
    return [_loaded(load, message, str(number)) for number, message in enumerate(content or ())]


def _loaded(load: Callable[[Any], T], content: Any, within: str = "") -> T:
    """Loads a message of Airbyte's protocol.

    :raises ValueError: with the place of what the CDK's serializer does not take, without what is there
    """
    try:
        return load(content)
    except (ValueError, TypeError) as error:
        problems = getattr(error, "errors", ())
        raise ValueError("/".join(filter(None, [within, *(each.instance_path for each in problems[:1])]))) from None
