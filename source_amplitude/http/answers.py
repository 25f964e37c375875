"""Reads the words of error answers and of network errors, as far as they may be shown."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import requests

_MARKUP = re.compile(r"<[^<>]*>")
_SHOWN_CHARACTERS = 200
_UNKNOWN_NAME = re.compile(r"Failed to resolve '([^']*)'")
_READ_BYTES = 4096


class ErrorWords(NamedTuple):
    """The words of an error answer.

    :param shown: the status and the beginning of the words, on one line and without markup, as in `404 Not Found`
    :param all: the words of the first 4 KB of the body, to decide by and not to show
    :param is_from_amplitude: whether they came in the form of Amplitude's errors, not in that of a proxy's
    """

    shown: str
    all: str
    is_from_amplitude: bool


def error_words(response: requests.Response) -> ErrorWords:
    """Reads the words of an error answer.

    Of Amplitude's `{"error": {"message": "…", "metadata": {"details": "…"}}}` these are the message and the details.
    """
    body = _beginning(response)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    words, is_from_amplitude = _message_of(answer)
    text = _plain(body if words is None else words)
    return ErrorWords(
        _with_status(response, text), text if words is None else f"{text} {_plain(body)}", is_from_amplitude
    )


def plain_text(text: str) -> str:
    """The beginning of a text, on one line and without markup."""
    return _plain(text)[:_SHOWN_CHARACTERS]


def messages_of(errors: list[Any]) -> str:
    """The messages of the errors of Amplitude's taxonomy, `[{"message": "…"}]`."""
    return "; ".join(str(error.get("message")) for error in errors if isinstance(error, dict))


def exception_text(error: BaseException) -> str:
    """What went wrong on the network in a few words, without addresses of objects or query strings."""
    reason = error
    for _ in range(5):
        inner = [each for each in (*reason.args, getattr(reason, "reason", None)) if isinstance(each, BaseException)]
        if not inner:
            break
        reason = inner[-1]
    text = re.sub(r"<[^<>]*>:? ?", "", str(reason)) or type(reason).__name__
    if unknown := _UNKNOWN_NAME.search(text):
        text = f"the name {unknown[1]} has no address: DNS does not know it"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy of HTTPS_PROXY or HTTP_PROXY gives no connection: {text}"[:_SHOWN_CHARACTERS]
    return f"{type(error).__name__}: {text}"[:_SHOWN_CHARACTERS]


def _beginning(response: requests.Response) -> str:
    """The first 4 KB of an error answer; what arrives of them."""
    body = b""
    try:
        for chunk in response.iter_content(_READ_BYTES):
            body += chunk
            if len(body) >= _READ_BYTES:
                break
    except requests.RequestException:
        pass  # what has come may do
    return body[:_READ_BYTES].decode("utf-8", "replace")


def _message_of(answer: Any) -> tuple[str | None, bool]:
    """The message in an error in JSON, if it has one, and whether it has the form of Amplitude's.

    Gateways have errors in JSON too, but not in the form of the Dashboard API's or the taxonomy's.
    """
    if not isinstance(answer, dict):
        return None, False
    error, errors = answer.get("error"), answer.get("errors")
    if isinstance(error, str):
        return error, False
    if isinstance(error, dict) and "message" in error:
        metadata = error.get("metadata")
        details = metadata.get("details") if isinstance(metadata, dict) else None
        message = f"{error['message']} ({details})" if details else str(error["message"])
        return message, "http_code" in error
    if answer.get("success") is False and isinstance(errors, list) and (messages := messages_of(errors)):
        return messages, True
    return None, False


def _plain(text: str) -> str:
    return " ".join(_MARKUP.sub(" ", text).split())


def _with_status(response: requests.Response, words: str) -> str:
    """The status and the words, which may begin with the status themselves, as web pages do."""
    status = str(response.status_code)
    words = re.sub(rf"^{status}\b[\s:,.-]*", "", words)
    return f"{status} {words[:_SHOWN_CHARACTERS] or response.reason or ''}".strip()
