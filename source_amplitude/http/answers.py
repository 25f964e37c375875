"""The words of answers and of network errors, as far as they may be shown."""

from __future__ import annotations

import re
from typing import Any

import requests

_MARKUP = re.compile(r"<[^>]*>")
_SHOWN_CHARACTERS = 200


def answer_text(response: requests.Response) -> str:
    """The beginning of an error answer's own words, on one line and without markup; empty when it has none."""
    try:
        body = next(response.iter_content(4096), b"")
    except requests.RequestException:
        return ""
    text = " ".join(_MARKUP.sub(" ", body.decode("utf-8", "replace")).split())
    return text[:_SHOWN_CHARACTERS]


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
