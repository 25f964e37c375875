"""What the answers of these APIs mean, as data.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest; wrong keys are 403 in practice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple, cast

import requests

from source_amplitude.errors import AmplitudeError, UnexpectedError
from source_amplitude.http.answers import amplitude_words, answer_beginning, plain_text

# "Invalid API Key", "Invalid API/Secret Key combination"
KEYS_REFUSED_WORDS = "invalid api"


class RestAction(Enum):
    """What to do with an answer."""

    READ = "read it"
    REFUSED = "the keys are not accepted"
    FORBIDDEN = "not included in the plan, or the keys are not accepted"
    NOT_FOUND = "not included in the plan, where the endpoint is one that plans lack"
    THROTTLED = "too many requests, or too much cost: wait"
    RETRY = "it passes: try again"
    REJECTED = "this request makes no sense to Amplitude"


REST_ACTIONS: dict[int, RestAction] = {
    200: RestAction.READ,
    202: RestAction.READ,
    302: RestAction.READ,
    400: RestAction.REJECTED,
    401: RestAction.REFUSED,
    403: RestAction.FORBIDDEN,
    404: RestAction.NOT_FOUND,
    408: RestAction.RETRY,
    429: RestAction.THROTTLED,
}


class RejectedError(UnexpectedError):
    """Amplitude did not accept a request: 400, `success: false`, or a status never seen."""


class NotIncludedError(AmplitudeError):
    """The project's plan does not include the endpoint."""


class UnusableAnswerError(Exception):
    """A 200 that is not the answer to the request: it is asked for again."""


def rest_action(status: int) -> RestAction:
    return REST_ACTIONS.get(status, RestAction.RETRY if status >= 500 else RestAction.REJECTED)


class Said(NamedTuple):
    """The words of an error answer, and whether they came in Amplitude's form rather than a proxy's."""

    text: str
    is_from_amplitude: bool


def error_words(response: requests.Response) -> Said:
    """What an error answer says: `message (details)` where it has both."""
    beginning = answer_beginning(response)
    words = amplitude_words(beginning)
    if words is None:
        words = _taxonomy_words(beginning)
    if words is None:
        return Said(plain_text(beginning), is_from_amplitude=False)
    return Said(plain_text(words), is_from_amplitude=True)


def _taxonomy_words(text: str) -> str | None:
    try:
        return _messages(json.loads(text)["errors"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def answer_json(response: requests.Response) -> Mapping[str, Any]:
    """The JSON object of an answer.

    :raises UnusableAnswerError: it is none
    :raises requests.RequestException: the body was cut short
    :raises RejectedError: `success` is false, with a status that says otherwise
    """
    try:
        body = json.loads(response.content)
    except ValueError as error:
        kind = response.headers.get("Content-Type", "no content type")
        raise UnusableAnswerError(f"{response.status_code}, but not JSON ({kind})") from error
    if not isinstance(body, dict):
        raise UnusableAnswerError(f"{response.status_code}, but not a JSON object")
    if body.get("success") is False:
        raise RejectedError(plain_text(_messages(body.get("errors") or [])))
    return cast(Mapping[str, Any], body)


def _messages(errors: list[Any]) -> str:
    return "; ".join(str(error.get("message")) for error in errors if isinstance(error, dict))
