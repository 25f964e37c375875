"""Reads JSON objects, and repairs those that are invalid, contain NUL or are nested too deeply.

Only what JSON or a database could not store anyway is dropped.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

# A string that does not end goes to the end of the text: otherwise each quote in it would be looked for its end.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_STRING_OR_NO_NUMBER = re.compile(_STRING + r"|-?Infinity|NaN", re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<broken>\\u(?:[dD][89a-fA-F]..|0000))|\\.", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_NUL_ESCAPE = b"\\u0000"
_REPLACEMENT = "\ufffd".encode()
MOST_LEVELS = 100  # of nesting; a parser that calls itself gives up at about 1,000
_STRING_OR_BRACKET = re.compile(_STRING + r"|[][{}]", re.DOTALL)
NOT_STRICT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Fields = dict[str, msgspec.Raw]
"""The fields of a JSON object, each as its raw JSON."""

_decode = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class NotAJsonObjectError(ValueError):
    """A text that is not a JSON object. The message never holds its content."""


def read_object(text: bytes) -> tuple[Fields, bool]:
    """Reads a JSON object: its fields, and whether its text had to be repaired, as `strict_json` says.

    :raises NotAJsonObjectError: the text is not a JSON object
    """
    repaired = text
    try:
        if may_hold_nul(text):
            repaired = strict_json(text)
        elif not text.isascii():
            text.decode()
        fields = _decode(repaired)
    except NOT_STRICT:
        repaired = strict_json(text)
        fields = _decode(repaired)
    return fields, repaired != text


def elements(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Reads the elements of a JSON list, each as its raw JSON on one line.

    :raises ValueError: it is not a list
    """
    return _decode_list(msgspec.json.format(raw, indent=-1))


def object_fields(raw: msgspec.Raw) -> Fields | None:
    """Reads the fields of a JSON object; None for anything else."""
    return _decode(raw) if bytes(raw).startswith(b"{") else None


def plain_value(raw: msgspec.Raw) -> Any:
    """Reads a value as Python has it; None also for what Python has no value for, such as 1e999."""
    try:
        return msgspec.json.decode(raw)
    except NOT_STRICT:
        return None


def plain_text(raw: msgspec.Raw) -> str:
    """Reads the text of a JSON string, and the JSON of anything else."""
    text = str(raw, "utf-8")
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text


def raw_json(value: Any) -> msgspec.Raw:
    """Writes a value as raw JSON."""
    return msgspec.Raw(_encode(value))


def may_hold_nul(text: bytes) -> bool:
    """Tells whether strict JSON may have NUL in a string; also true for an escaped backslash before `u0000`."""
    return text.rfind(_NUL_ESCAPE) >= 0  # a third of the time of `in`, two thirds of that of a pattern


def without_nul(text: bytes) -> tuple[bytes, int]:
    """Lines of strict JSON with U+FFFD in place of each NUL, as `strict_json` has it, and how many lines had any."""
    if not may_hold_nul(text):
        return text, 0
    lines = text.split(b"\n")
    repaired = [_line_without_nul(line) for line in lines]
    return b"\n".join(repaired), sum(line != before for line, before in zip(repaired, lines, strict=True))


def _line_without_nul(line: bytes) -> bytes:
    first, *others = line.split(_NUL_ESCAPE)
    parts, before = [first], first
    for part in others:
        is_escaped = (len(before) - len(before.rstrip(b"\\"))) % 2  # the backslash itself, by one before it
        parts += (_NUL_ESCAPE if is_escaped else _REPLACEMENT, part)
        before = part
    return b"".join(parts)


def strict_json(text: bytes) -> bytes:
    """Repairs a JSON object that has invalid UTF-8, raw control characters, NUL, NaN, infinities, lone surrogates or
    too many levels.

    U+FFFD takes the place of what is no character, and of NUL, which databases refuse; null that of what is no number.
    Where the text has more levels than the parser reads, a value below `MOST_LEVELS` of them becomes a string that
    holds its JSON. Digits stay.

    :raises NotAJsonObjectError: it is not a JSON object
    """
    repaired = _STRING_OR_NO_NUMBER.sub(_repaired_token, text.decode("utf-8", "replace")).encode()
    try:
        try:
            _decode(repaired)
        except RecursionError:
            repaired = _flattened(repaired.decode()).encode()
            _decode(repaired)
    except NOT_STRICT as error:
        # Without its cause: a JSON error may carry the document, and so the user's data.
        raise NotAJsonObjectError(f"not a JSON object ({type(error).__name__})") from None
    return repaired


def _repaired_token(token: re.Match[str]) -> str:
    text = token.group()
    if not text.startswith('"'):
        return "null"
    return _CONTROL.sub(_repaired_control, _ESCAPE.sub(_repaired_escape, text))


def _repaired_escape(escape: re.Match[str]) -> str:
    """Keeps a pair of surrogates, or any other escape, as it is; makes U+FFFD of half a pair and of NUL."""
    return "\ufffd" if escape.group("broken") else escape.group()


def _repaired_control(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}" if found.group() != "\x00" else "\ufffd"


def _flattened(text: str) -> str:
    """Replaces each object and list below `MOST_LEVELS` levels by a string that holds its JSON."""
    parts: list[str] = []
    end = level = start = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        bracket = token.group()
        if bracket in ("[", "{"):
            level += 1
            if level == MOST_LEVELS + 1:
                start = token.start()
        elif bracket in ("]", "}"):
            if level == MOST_LEVELS + 1:
                parts += (text[end:start], _encode(text[start : token.end()]).decode())
                end = token.end()
            level -= 1
    return "".join([*parts, text[end:]])
