"""What the answers of these APIs mean, as data.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest; wrong keys are 403 in practice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, NamedTuple

import requests
from msgspec import Raw

from source_amplitude.errors import AUTHENTICATION_FAILED, AmplitudeError, ConfigError, UnexpectedError
from source_amplitude.http.answers import amplitude_words, answer_beginning, plain_text, with_status
from source_amplitude.records.json_repair import Fields, NotAJsonObjectError, plain_value, read_object

NULL = Raw(b"null")
# "Invalid API Key", "Invalid API/Secret Key combination"
KEYS_REFUSED_WORDS = "invalid api"


class EndpointAction(Enum):
    """What to do with an answer."""

    READ = "read it"
    REFUSED = "the keys are not accepted"
    NOT_INCLUDED = "Amplitude says that the plan lacks the endpoint"
    DENIED = "blocked by the plan, a proxy or a firewall; may be temporary: retry, then fail"
    THROTTLED = "too many requests, or too much cost: wait"
    RETRY = "it passes: try again"
    REJECTED = "this request makes no sense to Amplitude, or the answer none to us"


ENDPOINT_ACTIONS: dict[int, EndpointAction] = {
    200: EndpointAction.READ,
    202: EndpointAction.READ,
    302: EndpointAction.READ,
    400: EndpointAction.REJECTED,
    401: EndpointAction.REFUSED,
    403: EndpointAction.DENIED,
    404: EndpointAction.RETRY,
    407: EndpointAction.DENIED,
    408: EndpointAction.RETRY,
    429: EndpointAction.THROTTLED,
}


class RejectedError(UnexpectedError):
    """Amplitude did not accept a request, in its own words."""


class NotIncludedError(AmplitudeError):
    """The project's plan does not include the endpoint."""


class UnusableAnswerError(Exception):
    """A 200 that is not the answer to the request: it is asked for again."""


class Said(NamedTuple):
    """The status and the words of an error answer, and whether they came in Amplitude's form rather than a proxy's."""

    text: str
    is_from_amplitude: bool


def endpoint_action(status: int, said: Said, plan_statuses: Collection[int]) -> EndpointAction:
    """What to do with an answer. Only Amplitude itself can say that a plan lacks something.

    :param plan_statuses: what the endpoint answers where the plan lacks it
    """
    action = ENDPOINT_ACTIONS.get(status, EndpointAction.RETRY if status >= 500 else EndpointAction.REJECTED)
    if status == requests.codes.forbidden and KEYS_REFUSED_WORDS in said.text.lower():
        return EndpointAction.REFUSED
    if status in (requests.codes.forbidden, requests.codes.not_found) and said.is_from_amplitude:
        return EndpointAction.NOT_INCLUDED if status in plan_statuses else EndpointAction.REJECTED
    return action


def error_words(response: requests.Response) -> Said:
    """What an error answer says: its status, and `message (details)` where it has both."""
    beginning = answer_beginning(response)
    words = amplitude_words(beginning)
    text = plain_text(beginning if words is None else words)
    try:
        body = json.loads(beginning)
        is_from_amplitude = _is_amplitudes(body)
    except (ValueError, RecursionError):
        is_from_amplitude = False
    else:
        if is_from_amplitude and words is None:
            text = plain_text(_messages(body["errors"]))
    return Said(with_status(response, text), is_from_amplitude)


def _is_amplitudes(body: Any) -> bool:
    """Whether it has the form of the Dashboard API's errors, or of the taxonomy's; gateways have errors in JSON too."""
    if not isinstance(body, dict):
        return False
    error, errors = body.get("error"), body.get("errors")
    if isinstance(error, dict):
        return "http_code" in error and "message" in error
    return body.get("success") is False and isinstance(errors, list) and bool(_messages(errors))


def keys_refused(region: str, said: Said) -> ConfigError:
    """The keys were refused; they may be right, and only those of another region."""
    speaker = "Amplitude says" if said.is_from_amplitude else "The answer was"
    return ConfigError(
        f"{AUTHENTICATION_FAILED} {speaker}: {said.text}. The region is set to {region}: "
        "a project of the other region is refused in the same way."
    )


def access_denied(stream: str, region: str, said: Said) -> ConfigError:
    """A 403 or 407 that is not Amplitude's word on the plan, says nothing of keys, and stays."""
    return ConfigError(
        f"Access to the data of the stream {stream} is denied ({said.text}). Check api_key, secret_key and the region "
        f"({region}); if they are right, the project's plan does not include this data, or a proxy or firewall on the "
        "way denies it."
    )


def answer_fields(response: requests.Response) -> tuple[Fields, bool]:
    """Reads the JSON object of an answer: its fields, and whether its text had to be repaired.

    :raises UnusableAnswerError: it is no JSON object
    :raises requests.RequestException: the body was cut short
    :raises RejectedError: `success` is false, with a status that says otherwise
    """
    try:
        fields, is_repaired = read_object(response.content)
    except NotAJsonObjectError as error:
        if response.content.lstrip().startswith(b"["):
            raise UnusableAnswerError(f"{response.status_code}, but not a JSON object") from error
        kind = response.headers.get("Content-Type", "no content type")
        raise UnusableAnswerError(f"{response.status_code}, but not JSON ({kind})") from error
    if plain_value(fields.get("success", NULL)) is False:
        errors = plain_value(fields.get("errors", NULL))
        raise RejectedError(plain_text(_messages(errors if isinstance(errors, list) else [])))
    return fields, is_repaired


def answer_json(response: requests.Response) -> Mapping[str, Any]:
    """Reads the JSON object of an answer as Python values, for answers that hold no records.

    :raises UnusableAnswerError, requests.RequestException, RejectedError: as `answer_fields`
    """
    fields, _ = answer_fields(response)
    return {name: plain_value(raw) for name, raw in fields.items()}


def _messages(errors: list[Any]) -> str:
    return "; ".join(str(error.get("message")) for error in errors if isinstance(error, dict))
