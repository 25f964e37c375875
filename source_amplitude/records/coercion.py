"""Holds values to the types that their columns are declared with.

The columns are those of `schemas/`. A value is converted where nothing is lost by that; otherwise its column is null,
and the value goes as it came into the column `additional_fields`, as fields do that have no column.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw

from source_amplitude.records.json_repair import LEVELS_KEPT, NotAJsonObjectError, read_object
from source_amplitude.records.rfc3339 import rfc3339
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType

MOST_NAMES_COUNTED = 1000  # a name that is made up for each event must not fill the memory
MOST_NAMES_LOGGED = 20
LONGEST_NAME_LOGGED = 100  # characters
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_NOT_ZERO = re.compile("[1-9]").search
SMALLEST, LARGEST = 1e-300, 1e29  # the columns of many destinations are DECIMAL(38, 9); smaller numbers become 0 there
LONGEST_NUMBER = 1000  # characters; parsers of JSON refuse longer ones, so that they are kept as texts
SHORT_INTEGER = 18  # digits; all of them are within 64 bits
LONGEST_INTEGER = 64  # characters; enough for 64 bits in any sensible notation
_encode = msgspec.json.Encoder().encode


class CoercionStats(msgspec.Struct):
    """Counts what differed from the declared fields in some records: how many values, by the names of their fields.

    :param repaired: records of lines that were not strict JSON, had NUL in them or were nested too deeply
    :param keys_made: records that came without a key, and have one that is made of their content
    :param left_out: entries that came without a key, and are no records
    :param converted: values of another type that were converted
    :param nulled: values that are null in their column, and kept in `additional_fields`
    :param undeclared: fields without a column, kept in `additional_fields` too
    """

    repaired: int = 0
    keys_made: int = 0
    left_out: int = 0
    converted: dict[str, int] = msgspec.field(default_factory=dict)
    nulled: dict[str, int] = msgspec.field(default_factory=dict)
    undeclared: dict[str, int] = msgspec.field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.is_serious or bool(self.converted or self.undeclared)

    @property
    def is_serious(self) -> bool:
        """Tells whether something is not in its column as it came, or not there at all."""
        return bool(self.repaired or self.keys_made or self.left_out or self.nulled)

    def add(self, other: CoercionStats) -> None:
        self.repaired += other.repaired
        self.keys_made += other.keys_made
        self.left_out += other.left_out
        for mine, more in (
            (self.converted, other.converted),
            (self.nulled, other.nulled),
            (self.undeclared, other.undeclared),
        ):
            for name, count in more.items():
                _count(mine, name, count)

    def __str__(self) -> str:
        """Describes the counts for the log: names and numbers, and never a value."""
        repairs = (
            "U+FFFD in place of broken characters and NUL, null in place of NaN, text in place of what is nested below "
            f"{LEVELS_KEPT} levels"
        )
        counts = (
            (self.repaired, f"{self.repaired:,} records or answers were repaired ({repairs})"),
            (self.left_out, f"{self.left_out:,} entries have no key and are left out"),
            (self.keys_made, f"{self.keys_made:,} records came without a key: it is made of their content"),
            (self.nulled, f"not of the declared type, so null and kept in {ADDITIONAL_FIELDS}: {_listed(self.nulled)}"),
            (self.converted, f"converted to the declared type: {_listed(self.converted)}"),
            (self.undeclared, f"not declared, so kept in {ADDITIONAL_FIELDS} too: {_listed(self.undeclared)}"),
        )
        return "; ".join(sentence for count, sentence in counts if count)


def log_coercions(stream: str, coercions: CoercionStats, logger: logging.Logger) -> None:
    """Logs the counts of a sync in one line: a warning where something became null, was repaired or had no key."""
    if coercions:
        level = logging.WARNING if coercions.is_serious else logging.INFO
        logger.log(level, f"{stream}: {coercions}")


def _listed(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda entry: -entry[1])[:MOST_NAMES_LOGGED]
    more = [f"{len(counts) - len(most):,} more"] if len(counts) > len(most) else []
    return ", ".join([f"{name[:LONGEST_NAME_LOGGED]!r} ({count:,})" for name, count in most] + more)


class ColumnValues:
    """Makes the values of columns, counts those that differ from their declared types, and keeps them.

    :param types: the declared fields
    """

    def __init__(self, types: Mapping[str, FieldType], *, json_columns_as_string: bool) -> None:
        self._types = types
        self._json_columns_as_string = json_columns_as_string
        self._additional: dict[str, Raw] = {}
        self.coercions = CoercionStats()

    def record(self, fields: Mapping[str, Raw]) -> dict[str, Any]:
        """Makes the record of an event or of a profile whose fields are strict JSON."""
        record = {name: self.value(name, raw) for name, raw in fields.items()}
        return {**record, ADDITIONAL_FIELDS: self.additional_fields()}

    def value(self, name: str, raw: Raw) -> Raw | str | None:
        """Makes the value of a field: of the declared type, or null; a field that is not declared keeps its own."""
        declared = self._types.get(name)
        text = str(raw, "utf-8")
        first = text[0]
        if declared and (text == "null" or first == declared.begins_with):
            return text if first in "{[" and self._are_texts(declared) else raw
        if len(text) > LONGEST_NUMBER and first in "-0123456789":
            text = f'"{text}"'
            raw = Raw(text.encode())
        value = column_value(declared, text) if declared else text
        if value is None:
            self._keep(name, raw, self.coercions.nulled)
            return None
        if declared is None:
            self._keep(name, raw, self.coercions.undeclared)
        elif value != text and declared is not FieldType.TIMESTAMP:
            _count(self.coercions.converted, name)
        if value[0] in "{[" and self._are_texts(declared):
            return value
        return raw if value is text else Raw(value.encode())

    def _are_texts(self, declared: FieldType | None) -> bool:
        return self._json_columns_as_string and declared is not FieldType.STRINGS

    def additional_fields(self) -> Raw | str | None:
        """Makes the column `additional_fields` of the record whose values were made since the last one."""
        if not self._additional:
            return None
        found, self._additional = _encode(self._additional), {}
        return found.decode() if self._json_columns_as_string else Raw(found)

    def _keep(self, name: str, raw: Raw, counts: dict[str, int]) -> None:
        self._additional[name] = raw
        _count(counts, name)


def _count(counts: dict[str, int], name: str, more: int = 1) -> None:
    if name not in counts and len(counts) >= MOST_NAMES_COUNTED:
        name = "all others"
    counts[name] = counts.get(name, 0) + more


def column_value(declared: FieldType, text: str) -> str | None:
    """Makes the JSON of what a column holds of a value, or None where it does not fit.

    A timestamp: any date and time that `rfc3339` understands. A string: also a number or a boolean, as text; where
    Amplitude documents both, a list as its JSON text. An integer: within 64 bits, without a fraction. A number: smaller
    than 10^29. A boolean: `true` and `false`, in any case. Numbers, booleans and objects are also taken out of a string
    that holds nothing else.

    :param text: the JSON of the value
    """
    if text == "null" or text[0] == declared.begins_with:
        return text
    is_string = text[0] == '"'
    content: str = msgspec.json.decode(text) if is_string else text
    value: str | None = None  # an ARRAY is made of nothing else
    match declared:
        case FieldType.TIMESTAMP:
            value = rfc3339(content) if is_string else None
            value = value and f'"{value}"'
        case FieldType.LIST_TEXT if text[0] == "[":
            value = _encode(text).decode()
        case FieldType.STRING | FieldType.LIST_TEXT:
            value = f'"{text}"' if text[0] not in "{[" else None
        case FieldType.INTEGER:
            value = _integer(content)
        case FieldType.NUMBER:
            value = content if _is_number(content) else None
        case FieldType.BOOLEAN:
            value = content.lower() if content.lower() in ("true", "false") else None
        case FieldType.OBJECT:
            value = _object(content) if is_string else None
        case FieldType.STRINGS:
            value = _strings(text) if text[0] == "[" else None
    return value


def _integer(text: str) -> str | None:
    if len(text) > LONGEST_INTEGER or not _NUMBER(text):
        return None
    if len(text) <= SHORT_INTEGER and text.isdigit():
        return text
    number = Decimal(text)
    if not -(2**63) <= number < 2**63 or number != number.to_integral_value():
        return None
    return text if text.removeprefix("-").isdigit() else str(int(number))


def is_number(raw: Raw) -> bool:
    """Tells whether a number column holds JSON: as `column_value` does, and faster for numbers of usual size."""
    try:
        return SMALLEST < abs(float(raw)) < LARGEST or _is_number(str(raw, "utf-8"))
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    """Tells whether a text is a number that a column holds: not too large, nor so small that a float would be 0."""
    if not _NUMBER(text):
        return False
    number = float(text)
    return abs(number) < LARGEST and (number != 0 or not _NOT_ZERO(text.lower().partition("e")[0]))


def _object(text: str) -> str | None:
    """Formats the text of an object on one line; None where it is not strict JSON."""
    try:
        _, is_repaired = read_object(text.encode())
    except NotAJsonObjectError:
        return None
    return None if is_repaired else msgspec.json.format(text, indent=-1)


def _strings(text: str) -> str:
    """Makes a list of strings of a list, anything else in it as its JSON text."""
    entries: list[Raw] = msgspec.json.decode(text, type=list[Raw])
    if all(bytes(entry)[:1] == b'"' for entry in entries):
        return text
    strings = [msgspec.json.decode(entry) if bytes(entry)[:1] == b'"' else str(entry, "utf-8") for entry in entries]
    return _encode(strings).decode()
