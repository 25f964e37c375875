"""Reads JSON objects, and repairs those that are invalid, contain NUL or are nested too deeply.

Only what JSON or a database could not store anyway is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

MOST_LEVELS = 500  # of nesting; parsers of Python and Java, so those of destinations, give up at about 1,000
SHORTEST_TOO_DEEP = 2 * MOST_LEVELS  # bytes, as a value of an object
LEVELS_KEPT = 100  # of what has more
_NUL_ESCAPE = b"\\u0000"
_REPLACEMENT = "\ufffd".encode()
# No byte of UTF-8 is one of these: escapes of what ends a string, out of the way of whatever looks at the text.
_HIDDEN = ((b"\\\\", b"\xff\xfe"), (b'\\"', b"\xff\xfd"))
_HEX, _REST = rb"[0-9a-fA-F]{2}", rb"[ !#-\[\]-\x7f]{0,2}"
_HALF_PAIR = re.compile(
    rb"\\u[dD](?:[89abAB](?!%b\\u[dD][c-fC-F]%b)|(?<!\\u[dD][89abAB]%b\\u[dD])[c-fC-F]|[c-fC-F](?!%b))%b"
    % (_HEX, _HEX, _HEX, _HEX, _REST)
)
_CONTROLS = [
    (bytes([code]), b"\\u%04x" % code if code else _REPLACEMENT) for code in range(32) if code not in b"\t\n\r"
]
_SPACES = ((b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"))
_NO_NUMBERS = ((b"-Infinity", b"null"), (b"Infinity", b"null"), (b"NaN", b"null"))
_UNSOUND_TOKENS = (b"\t", b"\r", b"Infinity", b"NaN")
PIECE_BYTES = 64 * 1024
_STRINGS = re.compile(rb'"[^"]*"')
_STEPS = bytes.maketrans(b"{}", b"[]")
_INNERMOST, _DOWN, _RUNS = b"[]", ord("["), re.compile(rb"\[+|\]+")
_QUOTE = ord('"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_STRING_OR_BRACKETS = re.compile(rb'"[^"]*"|[\[{]+|[\]}]+')
NULL = msgspec.Raw(b"null")
NO_KEY = (None, NULL, msgspec.Raw(b'""'))
"""What the field of a key holds where it says nothing."""
NOT_STRICT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Fields = dict[str, msgspec.Raw]
"""The fields of a JSON object, each as its raw JSON."""

_decode = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class NotAJsonObjectError(ValueError):
    """Reports a text that is not a JSON object. The message never holds its content."""


def read_object(text: bytes) -> tuple[Fields, bool]:
    """Reads a JSON object: its fields, and whether its text had to be repaired, as `strict_json` says.

    :raises NotAJsonObjectError: the text is not a JSON object
    """
    if not (may_hold_nul(text) or is_too_deep(text)):
        with suppress(*NOT_STRICT):
            if not text.isascii():
                text.decode()
            return _decode(text), False
    repaired = strict_json(text)
    return _decode(repaired), repaired != text


def strict_fields(line: bytes) -> Fields:
    """Reads the fields of a JSON object that `strict_lines` has repaired.

    :raises NotAJsonObjectError: the text is not a JSON object
    """
    try:
        return _decode(line)
    except NOT_STRICT as error:
        # Without its cause, which may carry the document, and so the user's data.
        raise NotAJsonObjectError(f"not a JSON object ({type(error).__name__})") from None


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
    """Returns lines of strict JSON with U+FFFD in place of each NUL, as `strict_json` has it, and how many had any."""
    if not may_hold_nul(text):
        return text, 0
    lines = text.split(b"\n")
    repaired = [_line_without_nul(line) for line in lines]
    return b"\n".join(repaired), sum(line != before for line, before in zip(repaired, lines, strict=True))


def _line_without_nul(line: bytes) -> bytes:
    if line.rfind(b"\\" + _NUL_ESCAPE) < 0:
        return line.replace(_NUL_ESCAPE, _REPLACEMENT)
    # An escaped backslash may precede `u0000`. A line has no line break, which takes its place meanwhile.
    return line.replace(b"\\\\", b"\n").replace(_NUL_ESCAPE, _REPLACEMENT).replace(b"\n", b"\\\\")


def strict_json(text: bytes) -> bytes:
    """Repairs a JSON object that has invalid UTF-8, raw control characters, NUL, NaN, infinities, lone surrogates or
    too many levels.

    U+FFFD takes the place of what is no character, and of NUL, which databases refuse; null that of what is no number.
    In a text of more than `MOST_LEVELS` levels, each value below `LEVELS_KEPT` becomes a string that holds its JSON.
    Digits stay.

    :raises NotAJsonObjectError: it is not a JSON object
    """
    hidden = _hidden(_well_formed(text))
    if any(token in hidden for token in (b"\n", *_UNSOUND_TOKENS)):
        hidden = _with_sound_tokens(hidden)
    repaired = _of_few_levels(_shown(hidden))
    strict_fields(repaired)
    return repaired


def strict_lines(lines: list[bytes]) -> tuple[list[bytes], int]:
    """Repairs lines as `strict_json` does, all of them at once; one that is no JSON object stays none.

    :return: the lines, and how many were repaired
    """
    hidden = _hidden(_well_formed(b"\n".join(lines)))
    if any(token in hidden for token in _UNSOUND_TOKENS):
        hidden = _lines_with_sound_tokens(hidden)
    strict = [_of_few_levels(line) for line in _shown(hidden).split(b"\n")]
    return strict, sum(line != before for line, before in zip(strict, lines, strict=True))


def _lines_with_sound_tokens(hidden: bytes) -> bytes:
    lines = hidden.split(b"\n")
    # In any other one a string has no end: it is no JSON object, and would turn the next ones inside out.
    whole = [place for place, line in enumerate(lines) if not line.count(b'"') % 2]
    sound = _with_sound_tokens(b"\n".join([lines[place] for place in whole])).split(b"\n")
    for place, line in zip(whole, sound, strict=False):  # where none is whole, there is one empty line
        lines[place] = line
    return b"\n".join(lines)


def _of_few_levels(text: bytes) -> bytes:
    return _shown(_flattened(_hidden(text))) if is_too_deep(text) else text


def is_too_deep(text: bytes | msgspec.Raw, levels_around: int = 0) -> bool:
    """Tells whether strict JSON has more than `MOST_LEVELS` levels, with those around it."""
    most = MOST_LEVELS - levels_around
    if len(text) <= 2 * most:
        return False
    text = bytes(text)
    has_brackets = text.count(b"[") + text.count(b"{") > most  # without a look at which of them are within strings
    return has_brackets and _levels(_replaced(text, _HIDDEN)) > most


def _levels(hidden: bytes) -> int:
    steps = _STRINGS.sub(b"", hidden).translate(_STEPS, _NO_BRACKETS)
    removed = 0
    while len(shorter := steps.replace(_INNERMOST, b"")) < len(steps) * 0.9:  # many values side by side
        steps, removed = shorter, removed + 1
    level = deepest = 0
    for run in _RUNS.finditer(steps):
        level += (run.end() - run.start()) * (1 if steps[run.start()] == _DOWN else -1)
        deepest = max(deepest, level)
    return removed + deepest


def _well_formed(text: bytes) -> bytes:
    """Makes valid UTF-8 of a text, and escapes control characters but for spaces, which may stand between tokens."""
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    return _replaced(text, _CONTROLS)


def _hidden(text: bytes) -> bytes:
    """Hides escapes so that each quote begins or ends a string, and replaces NUL and halves of surrogates."""
    return _HALF_PAIR.sub(_REPLACEMENT, _replaced(text, _HIDDEN).replace(_NUL_ESCAPE, _REPLACEMENT))


def _shown(hidden: bytes) -> bytes:
    return _replaced(hidden, [(sign, escape) for escape, sign in _HIDDEN])


def _with_sound_tokens(hidden: bytes) -> bytes:
    """Escapes what is a space within strings, and has null for what is no number outside of them."""
    sound: list[bytes] = []
    start, in_string = 0, False
    while start <= len(hidden):
        end = hidden.find(b'"', start + PIECE_BYTES)
        end = end if end >= 0 else len(hidden)
        parts = hidden[start:end].split(b'"')
        for first, pairs in ((not in_string, _SPACES), (in_string, _NO_NUMBERS)):
            if len(parts) > first:
                parts[first::2] = _replaced(b'"'.join(parts[first::2]), pairs).split(b'"')
        sound.append(b'"'.join(parts))
        in_string ^= len(parts) % 2 == 1  # by the quotes between the parts, and the one at the end
        start = end + 1
    return b'"'.join(sound)


def _replaced(text: bytes, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    for old, new in pairs:
        if old in text:
            text = text.replace(old, new)
    return text


def _flattened(hidden: bytes) -> bytes:
    """Replaces each object and list below `LEVELS_KEPT` levels by a string that holds its JSON."""
    parts: list[bytes] = []
    end = level = start = 0
    for token in _STRING_OR_BRACKETS.finditer(hidden):
        first = hidden[token.start()]
        if first == _QUOTE:
            continue
        brackets = token.end() - token.start()
        if first in b"[{":
            if level <= LEVELS_KEPT < level + brackets:
                start = token.start() + LEVELS_KEPT - level
            level += brackets
        else:
            if level - brackets <= LEVELS_KEPT < level:
                below = token.start() + level - LEVELS_KEPT
                parts += (hidden[end:start], _hidden(_encode(_shown(hidden[start:below]).decode())))
                end = below
            level -= brackets
    return b"".join([*parts, hidden[end:]])
