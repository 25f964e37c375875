"""Knows the keys that this process sends, so that no text that quotes one is shown."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from urllib.parse import unquote

PIECE_CHARACTERS = 8
MARKUP = re.compile(r"<[^<>]*>")
_JSON_ESCAPE = re.compile(r"\\u00([0-7][0-9a-fA-F])")
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
_pieces: set[str] = set()


def hide(keys: Sequence[str]) -> None:
    """Learns the API key and the secret key of a configuration, for as long as the process lives."""
    for secret in (*keys, ":".join(keys)):
        content = secret.encode()
        # Within a longer text, base64 has one of three forms.
        coded = (base64.b64encode(b"\x00" * shift + content)[4 if shift else 0 : -4] for shift in range(3))
        for form in (secret, content.hex(), *(text.decode() for text in coded)):
            _pieces.update(_pieces_of(_letters_and_digits(form)))


def quotes_any(text: str, values: Sequence[str]) -> bool:
    """Tells whether a text quotes one of some values, or its first twenty characters, in any form."""
    beginnings = [value[:20].casefold() for value in values]
    return any(beginning in form.casefold() for form in _forms(text) for beginning in beginnings)


def quotes_a_key(text: str) -> bool:
    """Tells whether a text quotes a piece of a key of eight characters or more, in any form.

    These are base64, hexadecimal digits, and the escapes of addresses, JSON and HTML, with anything but letters and
    digits between.
    """
    return any(not _pieces.isdisjoint(_pieces_of(_letters_and_digits(form))) for form in _forms(text))


def _forms(text: str) -> set[str]:
    """Returns a text as it is, and without markup and the escapes of addresses, JSON and HTML."""
    bare = MARKUP.sub("", text)
    return {text, bare, unquote(html.unescape(_JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), bare)))}


def _pieces_of(text: str) -> set[str]:
    return {text[start : start + PIECE_CHARACTERS] for start in range(len(text) - PIECE_CHARACTERS + 1)}


def _letters_and_digits(text: str) -> str:
    return _NO_LETTER_OR_DIGIT.sub("", text).casefold()
