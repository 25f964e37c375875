"""The words of answers and of network errors, as far as they may be shown."""

from __future__ import annotations

import json
import re

import requests

_MARKUP = re.compile(r"<[^>]*>")
_SHOWN_CHARACTERS = 200


def answer_text(response: requests.Response) -> str:
    """The beginning of an error answer's own words, on one line and without markup; empty when it has none.

    Of Amplitude's `{"error": {"message": "…", "metadata": {"details": "…"}}}` it is the message and the details.
    """
    return plain_text(_words(answer_beginning(response)))


def answer_beginning(response: requests.Response) -> str:
    """The first 4 KB of an error answer; empty when there is none, or none arrives."""
    try:
        return next(response.iter_content(4096), b"").decode("utf-8", "replace")
    except requests.RequestException:
        return ""


def plain_text(text: str) -> str:
    """The beginning of a text, on one line and without markup."""
    return " ".join(_MARKUP.sub(" ", text).split())[:_SHOWN_CHARACTERS]


def amplitude_words(text: str) -> str | None:
    """The message and the details of an error in Amplitude's form; None for any other text."""
    try:
        error = json.loads(text)["error"]
        message, details = error["message"], error.get("metadata", {}).get("details")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return f"{message} ({details})" if details else str(message)


def said(response: requests.Response) -> str:
    """The status of an error answer, and its own words or else the usual ones: `404 Not Found`."""
    return with_status(response, answer_text(response))


def with_status(response: requests.Response, words: str) -> str:
    """The status and the words, which may begin with the status themselves, as web pages do."""
    status = str(response.status_code)
    words = re.sub(rf"^{status}\b[\s:,.-]*", "", words)
    return f"{status} {words or response.reason or ''}".strip()


def _words(text: str) -> str:
    words = amplitude_words(text)
    if words is not None:
        return words
    try:
        error = json.loads(text)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return text
    return error if isinstance(error, str) else text


def exception_text(error: BaseException) -> str:
    """What went wrong on the network in a few words, without addresses of objects or query strings."""
    reason = error
    for _ in range(5):
        inner = [each for each in (*reason.args, getattr(reason, "reason", None)) if isinstance(each, BaseException)]
        if not inner:
            break
        reason = inner[-1]
    text = re.sub(r"<[^>]*>:? ?", "", str(reason)) or type(reason).__name__
    return f"{type(error).__name__}: {text}"[:_SHOWN_CHARACTERS]
