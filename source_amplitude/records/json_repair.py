"""Repairs JSON that is invalid or contains NUL, dropping only what JSON or a database could not store anyway."""

from __future__ import annotations

import re

import msgspec

_STRING_OR_NO_NUMBER = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<broken>\\u(?:[dD][89a-fA-F]..|0000))|\\.", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_NUL_ESCAPE = re.compile(rb"\\u0000")  # half as expensive as `in`, at the size of a block of events
NOT_STRICT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class NotAJsonObjectError(ValueError):
    """A text that is not a JSON object. The message never holds its content."""


def may_hold_nul(text: bytes) -> bool:
    """Whether strict JSON has NUL in a string; also true for an escaped backslash before `u0000`, which is none."""
    return _NUL_ESCAPE.search(text) is not None


def strict_json(text: bytes) -> bytes:
    """The text as strict JSON without NUL, if it is a JSON object but for invalid UTF-8, raw control characters, NUL,
    NaN, infinities and lone surrogates: U+FFFD for what is no character, and for NUL, which databases refuse; null for
    what is no number. Digits stay.

    :raises NotAJsonObjectError: it is not a JSON object
    """
    repaired = _STRING_OR_NO_NUMBER.sub(_repaired_token, text.decode("utf-8", "replace")).encode()
    try:
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
    """A pair of surrogates, or any other escape, as it is; half a pair, and NUL, become U+FFFD."""
    return "\ufffd" if escape.group("broken") else escape.group()


def _repaired_control(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}" if found.group() != "\x00" else "\ufffd"
