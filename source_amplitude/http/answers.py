"""The words of answers and of network errors, as far as they may be shown."""

from __future__ import annotations

import re
from typing import Any

import requests

_MARKUP = re.compile(r"<[^>]*>")
_SHOWN_CHARACTERS = 200


def answer_text(response: requests.Response) -> str:
    """The beginning of an error answer's own words, on one line and without markup; empty when it has none."""
    return plain_text(answer_beginning(response))


def answer_beginning(response: requests.Response) -> str:
    """The first 4 KB of an error answer; empty when there is none, or none arrives."""
    try:
        return next(response.iter_content(4096), b"").decode("utf-8", "replace")
    except requests.RequestException:
        return ""


def plain_text(text: str) -> str:
    """The beginning of a text, on one line and without markup."""
    return " ".join(_MARKUP.sub(" ", text).split())[:_SHOWN_CHARACTERS]


def exception_text(error: BaseException) -> str:
    """What went wrong on the network in a few words, without addresses of objects or query strings."""
    reason: Any = error
    for _ in range(5):
        inner = getattr(reason, "reason", None) or (reason.args[0] if getattr(reason, "args", None) else None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    text = re.sub(r"<[^>]*>:? ?", "", str(reason)) or type(reason).__name__
    return f"{type(error).__name__}: {text}"[:_SHOWN_CHARACTERS]
