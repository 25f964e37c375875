"""One line of an export archive to one record: JSON bytes in, JSON bytes out.

Only what must change is touched: the raw text of every other value goes through as it came, so numbers stay exact
whatever their size, and nothing is parsed that nobody asks for.
"""

from __future__ import annotations

import json
import math
import re

import msgspec

TIMESTAMP_FIELDS = (
    "server_received_time",
    "event_time",
    "processed_time",
    "user_creation_time",
    "client_upload_time",
    "server_upload_time",
    "client_event_time",
)
_AMPLITUDE_TIMESTAMP = re.compile(rb'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"').fullmatch
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT_OR_ARRAY = b"{["

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class NotAnEventError(ValueError):
    """A line that is not a JSON object. The message never holds its content."""


class RecordConverter:
    """Makes records of raw lines.

    :param bags_as_text: whether object- and array-valued fields become JSON text (`json_string`) or stay (`object`)
    """

    def __init__(self, *, bags_as_text: bool) -> None:
        self._bags_as_text = bags_as_text
        self.repaired_lines = 0

    def convert(self, line: bytes) -> bytes:
        """The record of one line, as the bytes of a JSON object.

        Timestamps such as `2024-03-15 10:04:58.123000` become RFC 3339 in UTC (Amplitude's documentation: UTC, no
        zone); one in any other form is left alone. A line that is JSON but for invalid UTF-8, raw control characters,
        NaN or lone surrogates is repaired and counted in `repaired_lines`: U+FFFD for what is no character, null for
        what is no number.

        :raises NotAnEventError: the line is not a JSON object
        """
        try:
            if not line.isascii():
                line.decode()
            fields = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            fields = _decode(_repair(line))
            self.repaired_lines += 1
        if self._bags_as_text:
            for name, raw in zip(fields, map(bytes, fields.values()), strict=True):
                if raw[0] in _OBJECT_OR_ARRAY:
                    fields[name] = raw.decode()  # type: ignore[assignment]
        for name in TIMESTAMP_FIELDS:
            value = fields.get(name)
            if type(value) is msgspec.Raw and _AMPLITUDE_TIMESTAMP(value):
                text = bytes(value)
                fields[name] = msgspec.Raw(b'%bT%bZ"' % (text[:11], text[12:-1]))
        return _encode(fields)


def _repair(line: bytes) -> bytes:
    """The line as strict JSON, if a lenient reader understands it as an object."""
    try:
        event = json.loads(
            line.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None, parse_float=_finite
        )
        if not isinstance(event, dict):
            raise NotAnEventError("not a JSON object")
        return _LONE_SURROGATE.sub("\ufffd", json.dumps(event, ensure_ascii=False)).encode()
    except (ValueError, RecursionError) as error:
        # Without its cause: a JSON error carries the document, and so the user's data.
        raise NotAnEventError(f"not a JSON object ({type(error).__name__})") from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
