"""Decides what the answers of the User Profile API mean, and reads the profiles in them.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

from dataclasses import dataclass

import requests

from source_amplitude.errors import (
    AUTHENTICATION_FAILED,
    PLEASE_REPORT,
    AmplitudeError,
    ConfigError,
    TransientError,
    UnexpectedError,
)
from source_amplitude.http.actions import Action, action_of
from source_amplitude.http.answers import error_words
from source_amplitude.http.body import TooLargeError, whole
from source_amplitude.user_profiles.profile import NotAProfileError, Profile, user_data

UNKNOWN_USER_TEXT = "not seen before"
THROTTLED_TEXT = "exceeds system limit"
# Twenty of them are read at once.
LARGEST_PROFILE_BYTES = 8 * 1024 * 1024


def profile_action(status: int, text: str) -> Action:
    """Decides what to do with an answer.

    :param text: the beginning of the body: Amplitude's words tell an unknown user and too many requests, whatever the
        status
    """
    if THROTTLED_TEXT in text:
        return Action.THROTTLED
    action = action_of(status, {})
    is_client_error = 400 <= status < 500
    if UNKNOWN_USER_TEXT in text and is_client_error and action in (Action.REJECTED, Action.RETRY):
        return Action.UNKNOWN
    return action


@dataclass(frozen=True)
class Answer:
    """Holds what an answer means, or why there is none.

    :param words: the API's, or what went wrong on the network
    :param error: why there was no answer
    """

    action: Action
    words: str
    profile: Profile | None = None
    error: BaseException | None = None


def profile_answer(response: requests.Response, user_id: str) -> Answer:
    """Reads an answer.

    :param user_id: not shown, where the words of the answer quote it
    :raises BrokenBodyError: the body was cut short
    """
    if response.status_code != requests.codes.ok:
        words = error_words(response, ids=[user_id])
        return Answer(profile_action(response.status_code, words.all), words.shown)
    try:
        content = whole(response, LARGEST_PROFILE_BYTES)
        return Answer(Action.READ, "", user_data(content))
    except TooLargeError as error:
        return Answer(Action.REJECTED, f"200, but {error}")
    except NotAProfileError as error:
        action = Action.RETRY
        if UNKNOWN_USER_TEXT.encode() in content:
            action = Action.UNKNOWN
        elif THROTTLED_TEXT.encode() in content:
            action = Action.THROTTLED
        return Answer(action, f"200, but {error}")


def error_of(answer: Answer) -> AmplitudeError:
    """Makes the error for an answer that is not about one user only."""
    words = answer.words
    if answer.action is Action.REFUSED:
        return ConfigError(f"{AUTHENTICATION_FAILED} The User Profile API accepts neither of them.", words)
    if answer.action is Action.DENIED:
        return ConfigError(
            f"Access to user profiles is denied ({words}). Ask Amplitude to enable the User Profile API for the "
            "project, let the proxy or firewall on the way pass the requests, or leave the stream user_profiles out."
        )
    if answer.action is Action.THROTTLED:
        return TransientError(
            "Amplitude kept answering 429 (too many requests) to profile requests. Other tools may be using the "
            "organization's limit of 600 a minute. The next attempt continues where this one stopped."
        )
    if answer.action is Action.RETRY:
        return TransientError(
            f"The User Profile API kept failing; the last error was: {words}. Check the network between the "
            "connector and Amplitude, and any proxy on the way. The next attempt continues where this one stopped."
        )
    return UnexpectedError(f"The User Profile API gave an unexpected answer: {words}. {PLEASE_REPORT}")
