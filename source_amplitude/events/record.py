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

from source_amplitude.events.archive import Line
from source_amplitude.events.shape import Shape

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
_STRING_OR_NO_NUMBER = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_NO_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode_lines = msgspec.json.Encoder().encode_lines


class NotAnEventError(ValueError):
    """A line that is not a JSON object. The message never holds its content."""


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

    :param bags_as_text: whether object- and array-valued fields become JSON text (`json_string`) or stay (`object`)
    """

    def __init__(self, *, bags_as_text: bool) -> None:
        self._bags_as_text = bags_as_text
        self._shape = Shape({}, TIMESTAMP_FIELDS)
        self.repaired_lines = 0

    def convert(self, lines: Sequence[Line]) -> Records:
        """The records of some lines, one each; a line has no line break in it.

        Timestamps such as `2024-03-15 10:04:58.123000` become RFC 3339 in UTC (Amplitude's documentation: UTC, no
        zone); one in any other form is left alone. A line that is JSON but for invalid UTF-8, raw control characters,
        NaN or lone surrogates is repaired and counted in `repaired_lines`: U+FFFD for what is no character, null for
        what is no number.

        :raises NotAnEventError: a line is not a JSON object
        """
        try:
            return Records(self._shaped(lines), len(lines))
        except _NO_JSON:
            return Records(b"".join(map(self._any, lines)), len(lines))

    def _any(self, line: Line) -> bytes:
        try:
            return self._shaped([line])
        except _NO_JSON:
            return _encode_lines([self._unshaped(bytes(line))])

    def _shaped(self, lines: Sequence[Line]) -> bytes:
        """The records of lines that all fit the shape; one that does not raises what `_NO_JSON` names."""
        shape = self._shape
        events = list(map(shape.decode, lines))
        for event in events:
            for field in shape.verbatim:
                raw = getattr(event, field)
                if raw is not UNSET:
                    text = str(raw, "utf-8")
                    if self._bags_as_text and text[0] in "{[":
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
        except _NO_JSON:
            fields = _decode(strict_json(line))
            self.repaired_lines += 1
        self._shape = self._shape.including(fields)
        return {name: self._value(name, raw) for name, raw in fields.items()}

    def _value(self, name: str, raw: msgspec.Raw) -> msgspec.Raw | str:
        first = bytes(raw)[:1]
        if first in (b"{", b"[") and self._bags_as_text:
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


def strict_json(line: bytes) -> bytes:
    """The line as strict JSON, if it is a JSON object but for what `RecordConverter.convert` names. Digits stay.

    :raises NotAnEventError: it is not a JSON object
    """
    repaired = _STRING_OR_NO_NUMBER.sub(_repaired_token, line.decode("utf-8", "replace")).encode()
    try:
        _decode(repaired)
    except _NO_JSON as error:
        # Without its cause: a JSON error may carry the document, and so the user's data.
        raise NotAnEventError(f"not a JSON object ({type(error).__name__})") from None
    return repaired


def _repaired_token(token: re.Match[str]) -> str:
    text = token.group()
    if not text.startswith('"'):
        return "null"
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", _ESCAPE.sub(_repaired_escape, text))


def _repaired_escape(escape: re.Match[str]) -> str:
    """A pair of surrogates, or any other escape, as it is; half a pair becomes U+FFFD."""
    return "\ufffd" if escape.group("half") else escape.group()
