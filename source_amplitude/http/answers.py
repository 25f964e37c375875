"""Reads the words of error answers and of network errors, as far as they may be shown.

Whatever a server says comes to a log or an error through here: on one line, without markup, without a piece of a key,
and cut to 200 characters at the end.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from http.client import HTTPException, IncompleteRead
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.exceptions import IncompleteRead as IncompleteBody

from source_amplitude.http.secrets import MARKUP, quotes_a_key, quotes_any

READ_BYTES = 4096
READ_SECONDS = 30.0
# What reading a body raises, of libraries and of Python.
BODY_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)
_SHOWN_CHARACTERS = 200
_UNKNOWN_NAME = re.compile(r"Failed to resolve '([^']*)'")
_OBJECT = re.compile(r"<[^<>]*>:? ?")
_CONNECTION = re.compile(r"\b\w+\(host='([^']*)', port=([0-9]+)\)")  # with the name of a class
_STATUS = re.compile(r"[0-9]{3}\b[\s:,.-]*")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,50}/[\w.+-]{1,50}", re.ASCII)
_HIDDEN = "(its words quote a key, so they are not shown)"
_ID_HIDDEN = "(its words quote the user, so they are not shown)"
# Their messages have nothing of an answer in them.
_WITH_OWN_WORDS = (ConnectTimeoutError, ReadTimeoutError, NewConnectionError, IncompleteRead, IncompleteBody)


class NetworkError(requests.RequestException):
    """Reports, in this package's words alone, that there is no answer that can be used."""


class ErrorWords(NamedTuple):
    """Holds the words of an error answer.

    :param shown: the status and the beginning of the words, on one line and without markup, as in `404 Not Found`
    :param all: the words of the first 4 KB of the body, to decide by and not to show
    :param is_from_amplitude: whether they came in the form of Amplitude's errors, not in that of a proxy's
    """

    shown: str
    all: str
    is_from_amplitude: bool


def error_words(response: requests.Response, ids: Sequence[str] = ()) -> ErrorWords:
    """Reads the words of an error answer.

    :param ids: the words are not shown where they quote one of these

    Of Amplitude's `{"error": {"message": "…", "metadata": {"details": "…"}}}` these are the message and the details.
    """
    body = _beginning(response)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    words, is_from_amplitude = _message_of(answer)
    everything = _plain(body) if words is None else f"{_plain(words)} {_plain(body)}"
    if quotes_any(f"{words} {body}", ids):
        return ErrorWords(f"{response.status_code} {_ID_HIDDEN}", everything, is_from_amplitude)
    return ErrorWords(_with_status(response, body if words is None else words), everything, is_from_amplitude)


def shown_text(text: str) -> str:
    """Returns the beginning of a foreign text, on one line, without markup, and nothing of it where it quotes a key."""
    text = text[:READ_BYTES]
    return _HIDDEN if quotes_a_key(text) else _plain(text)[:_SHOWN_CHARACTERS]


def content_type(response: requests.Response) -> str:
    """Returns the media type that an answer claims, such as `text/html`."""
    kind = _MEDIA_TYPE.match(response.headers.get("Content-Type", ""))
    return shown_text(kind[0]) if kind else "no content type"


def messages_of(errors: list[Any]) -> str:
    """Joins the messages of the errors of Amplitude's taxonomy, `[{"message": "…"}]`."""
    return "; ".join(str(error.get("message")) for error in errors if isinstance(error, dict))


def exception_text(error: BaseException) -> str:
    """Describes a network error in a few words, none of which is of an answer or of an address but its host."""
    reason = innermost(error)
    text = type(reason).__name__
    if isinstance(reason, NetworkError):
        return str(reason)
    if isinstance(reason, _WITH_OWN_WORDS) or (
        isinstance(reason, OSError) and not isinstance(reason, requests.RequestException | HTTPError)
    ):
        text = shown_text(_OBJECT.sub("", _CONNECTION.sub(r"\1:\2", str(reason)[:READ_BYTES]))) or text
    if unknown := _UNKNOWN_NAME.search(text):
        text = f"the name {unknown[1]} has no address: DNS does not know it"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy of HTTPS_PROXY or HTTP_PROXY gives no connection: {text}"
    return f"{type(error).__name__}: {text}"


def innermost(error: BaseException) -> BaseException:
    """Finds the error that libraries wrapped in others of their own."""
    reason = error
    for _ in range(5):
        inner = [each for each in (*reason.args, getattr(reason, "reason", None)) if isinstance(each, BaseException)]
        if not inner:
            break
        reason = inner[-1]
    return reason


def _beginning(response: requests.Response) -> str:
    """Reads the first 4 KB of an error answer, or what arrives of them in some seconds."""
    body = b""
    ends_at = time.monotonic() + READ_SECONDS
    try:
        while len(body) < READ_BYTES and time.monotonic() < ends_at:
            chunk = response.raw.read1(READ_BYTES - len(body), decode_content=True)
            if not chunk:
                break
            body += chunk
    except BODY_ERRORS:
        pass  # what has come may do
    return "" if b"\0" in body else body[:READ_BYTES].decode("utf-8", "replace")


def _message_of(answer: Any) -> tuple[str | None, bool]:
    """Finds the message in an error in JSON, if it has one, and whether it has the form of Amplitude's.

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
    return " ".join(MARKUP.sub(" ", text).split())


def _with_status(response: requests.Response, words: str) -> str:
    """Joins the status and the words, which may begin with the status themselves, as web pages do."""
    status = str(response.status_code)
    words = _plain(words[:READ_BYTES])
    if words.startswith(status):
        words = _STATUS.sub("", words, count=1)
    return f"{status} {shown_text(words or response.reason or '')}".strip()
