"""Lines of an export archive to records: JSON bytes in, JSON bytes out.

Only what must change is touched: bags and fractions go through as the text that they came as, so numbers stay exact
whatever their size, and nothing is parsed that nobody asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from source_amplitude.events.shape import Shape
from source_amplitude.export.archive import Line
from source_amplitude.json_repair import NOT_STRICT, strict_json

TIMESTAMP_FIELDS = (
    "server_received_time",
    "event_time",
    "processed_time",
    "user_creation_time",
    "client_upload_time",
    "server_upload_time",
    "client_event_time",
)
_AMPLITUDE_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?").fullmatch
_MICROSECONDS = b"0000-00-00 00:00:00.000000"
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True)
class Records:
    """Records as newline-delimited JSON, each a JSON object; iterating gives them one by one."""

    ndjson: bytes
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.ndjson.split(b"\n")[:-1])


class RecordConverter:
    """Makes records of raw lines.

    :param json_columns_as_string: whether object- and array-valued fields become JSON text
        (`properties_format: json_string`) or stay as they are (`object`)
    """

    def __init__(self, *, json_columns_as_string: bool) -> None:
        self._json_columns_as_string = json_columns_as_string
        self._shape = Shape({}, TIMESTAMP_FIELDS)
        self.repaired_lines = 0

    def convert(self, lines: Sequence[Line]) -> Records:
        """The records of some lines, one each; a line has no line break in it.

        Timestamps such as `2024-03-15 10:04:58.123000` become RFC 3339 in UTC (Amplitude's documentation: UTC, no
        zone); one in any other form is left alone. A line that is JSON but for invalid UTF-8, raw control characters,
        NaN or lone surrogates is repaired and counted in `repaired_lines`: U+FFFD for what is no character, null for
        what is no number.

        :raises NotAJsonObjectError: a line is not a JSON object
        """
        try:
            return Records(self._shaped(lines), len(lines))
        except NOT_STRICT:
            return Records(b"".join(map(self._any, lines)), len(lines))

    def _any(self, line: Line) -> bytes:
        try:
            return self._shaped([line])
        except NOT_STRICT:
            return _encode_lines([self._unshaped(bytes(line))])

    def _shaped(self, lines: Sequence[Line]) -> bytes:
        """The records of lines that all fit the shape; one that does not raises what `NOT_STRICT` names."""
        shape = self._shape
        events = list(map(shape.decode, lines))
        for event in events:
            for field in shape.verbatim:
                raw = getattr(event, field)
                if raw is not UNSET:
                    text = str(raw, "utf-8")
                    if self._json_columns_as_string and text[0] in "{[":
                        setattr(event, field, text)
        stamps = iter(_rfc3339([text for event in events for field in shape.texts if (text := getattr(event, field))]))
        for event in events:
            for field in shape.texts:
                if getattr(event, field):
                    setattr(event, field, next(stamps))
        return _encode_lines(events)

    def _unshaped(self, line: bytes) -> dict[str, Any]:
        """The record of any line; the next one with the same fields will fit the shape."""
        try:
            if not line.isascii():
                line.decode()
            fields = _decode(line)
        except NOT_STRICT:
            fields = _decode(strict_json(line))
            self.repaired_lines += 1
        self._shape = self._shape.including(fields)
        return {name: self._value(name, raw) for name, raw in fields.items()}

    def _value(self, name: str, raw: msgspec.Raw) -> msgspec.Raw | str:
        first = bytes(raw)[:1]
        if first in (b"{", b"[") and self._json_columns_as_string:
            return str(raw, "utf-8")
        if first == b'"' and name in TIMESTAMP_FIELDS:
            return _rfc3339([msgspec.json.decode(raw)])[0]
        return raw


def _rfc3339(texts: list[str]) -> list[str]:
    """Amplitude's timestamps in RFC 3339; a text in any other form stays as it is."""
    lines = "\n".join(texts)
    if texts and lines.encode().translate(_DIGITS_TO_ZERO) == b"\n".join([_MICROSECONDS] * len(texts)):
        return (lines.replace(" ", "T").replace("\n", "Z\n") + "Z").split("\n")
    return [f"{text[:10]}T{text[11:]}Z" if _AMPLITUDE_TIMESTAMP(text) else text for text in texts]
