"""Decides what the answers of these APIs mean, and reads their JSON.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest; wrong keys are 403 in practice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import requests

from source_amplitude.errors import AmplitudeError, ConfigError, UnexpectedError, keys_refused
from source_amplitude.http import body
from source_amplitude.http.actions import Action, action_of
from source_amplitude.http.answers import ErrorWords, content_type, messages_of, shown_text
from source_amplitude.records.json_repair import NULL, Fields, NotAJsonObjectError, plain_value, read_object

# "Invalid API Key", "Invalid API/Secret Key combination"
KEYS_REFUSED_WORDS = "invalid api"
# Read, it takes twenty times that of memory at most.
LARGEST_JSON_BYTES = 16 * 1024 * 1024
# A cohort's file is redirected to where it is stored.
READABLE = frozenset({200, 202, 302})
ENDPOINT_ACTIONS = dict.fromkeys(READABLE, Action.READ)


class RejectedError(UnexpectedError):
    """Reports, in Amplitude's words, that it did not accept a request."""


class NotIncludedError(AmplitudeError):
    """Reports that the project's plan does not include the endpoint."""


class UnusableAnswerError(Exception):
    """Reports a 200 that is not the answer to the request, which is sent again."""


def endpoint_action(status: int, words: ErrorWords, plan_statuses: Collection[int]) -> Action:
    """Decides what to do with an error answer. Only Amplitude itself can say that a plan lacks something.

    :param plan_statuses: what the endpoint answers where the plan lacks it
    """
    if status == requests.codes.forbidden and KEYS_REFUSED_WORDS in words.all.lower():
        return Action.REFUSED
    if status in (requests.codes.forbidden, requests.codes.not_found) and words.is_from_amplitude:
        return Action.NOT_INCLUDED if status in plan_statuses else Action.REJECTED
    return action_of(status, ENDPOINT_ACTIONS)


def keys_are_wrong(region: str, words: ErrorWords) -> ConfigError:
    """Makes the error for keys that were refused."""
    return keys_refused(region, f"{'Amplitude says' if words.is_from_amplitude else 'The answer was'}: {words.shown}.")


def access_denied(stream: str, region: str, words: ErrorWords) -> ConfigError:
    """Makes the error for a 403 or 407 that stays, and comes neither of the plan nor of the keys."""
    return ConfigError(
        f"Access to the data of the stream {stream} is denied ({words.shown}). Check api_key, secret_key and the "
        f"region ({region}); if they are right, the project's plan does not include this data, or a proxy or firewall "
        "on the way denies it."
    )


def answer_fields(response: requests.Response) -> tuple[Fields, bool]:
    """Reads the JSON object of an answer: its fields, and whether its text had to be repaired.

    :raises UnusableAnswerError: it is no JSON object
    :raises BrokenBodyError: the body was cut short
    :raises UnexpectedError: it is larger than anything that this package reads
    :raises RejectedError: `success` is false, with a status that says otherwise
    """
    try:
        content = body.whole(response, LARGEST_JSON_BYTES)
    except body.TooLargeError as error:
        raise UnexpectedError(f"An answer of Amplitude is too large to be read: {error}. Please report it.") from error
    try:
        fields, is_repaired = read_object(content)
    except NotAJsonObjectError as error:
        if content.lstrip().startswith(b"["):
            raise UnusableAnswerError(f"{response.status_code}, but not a JSON object") from error
        kind = content_type(response)
        raise UnusableAnswerError(f"{response.status_code}, but not JSON ({kind})") from error
    if plain_value(fields.get("success", NULL)) is False:
        errors = plain_value(fields.get("errors", NULL))
        raise RejectedError(shown_text(messages_of(errors if isinstance(errors, list) else [])))
    return fields, is_repaired


def answer_json(response: requests.Response) -> Mapping[str, Any]:
    """Reads the JSON object of an answer as Python values, for answers that hold no records.

    :raises UnusableAnswerError, BrokenBodyError, UnexpectedError: as `answer_fields`
    """
    fields, _ = answer_fields(response)
    return {name: plain_value(raw) for name, raw in fields.items()}
