"""The words of answers and of network errors, as far as they may be shown."""

from __future__ import annotations

import json
import re
from typing import Any

import requests

_MARKUP = re.compile(r"<[^>]*>")
_SHOWN_CHARACTERS = 200


def answer_text(response: requests.Response) -> str:
    """The beginning of an error answer's own words, on one line and without markup; empty when it has none.

    Of Amplitude's `{"error": {"message": "…", "metadata": {"details": "…"}}}` it is the message and the details.
    """
    try:
        body = next(response.iter_content(4096), b"")
    except requests.RequestException:
        return ""
    text = " ".join(_MARKUP.sub(" ", _words(body.decode("utf-8", "replace"))).split())
    return text[:_SHOWN_CHARACTERS]


def said(response: requests.Response) -> str:
    """The status of an error answer, and its own words or else the usual ones: `404 Not Found`."""
    return f"{response.status_code} {answer_text(response) or response.reason or ''}".strip()


def _words(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        if isinstance(error, str):
            return error
        message, details = error["message"], error.get("metadata", {}).get("details")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return text
    return f"{message} ({details})" if details else str(message)


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
