"""What the answers of the User Profile API mean, as data.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from source_amplitude.errors import (
    AUTHENTICATION_FAILED,
    AmplitudeError,
    ConfigError,
    TransientError,
    UnexpectedError,
)
from source_amplitude.user_profiles.profile import Fields

UNKNOWN_USER_TEXT = "not seen before"


class ProfileAction(Enum):
    """What to do with the answer to a profile request."""

    READ = "read the profile"
    UNKNOWN = "Amplitude has never seen the user: count and go on"
    REJECT = "something is wrong with this one user, or with all: one that is made up tells which"
    REFUSED = "the key is not accepted: try the other one, once"
    FORBIDDEN = "the key is known but may not read profiles"
    THROTTLED = "too many requests: wait and slow down"
    RETRY = "it passes: try again"


PROFILE_ACTIONS: dict[int, ProfileAction] = {
    200: ProfileAction.READ,
    401: ProfileAction.REFUSED,
    403: ProfileAction.FORBIDDEN,
    408: ProfileAction.RETRY,
    425: ProfileAction.RETRY,
    429: ProfileAction.THROTTLED,
}


def profile_action(status: int, text: str) -> ProfileAction:
    """The action for an answer.

    :param text: the beginning of the body of an answer other than 200, by which an unknown user is told
    """
    if status in PROFILE_ACTIONS:
        return PROFILE_ACTIONS[status]
    if status >= 500:
        return ProfileAction.RETRY
    return ProfileAction.UNKNOWN if status >= 400 and UNKNOWN_USER_TEXT in text else ProfileAction.REJECT


@dataclass(frozen=True)
class Answer:
    """The last answer to a request, after all tries.

    :param said: the API's words, or what went wrong on the network
    """

    action: ProfileAction
    said: str
    profile: Fields | None = None


def error_of(answer: Answer) -> AmplitudeError:
    """The error that an answer stands for when it is not about one user only."""
    said = answer.said
    if answer.action is ProfileAction.REFUSED:
        return ConfigError(f"{AUTHENTICATION_FAILED} The User Profile API accepts neither of them.", said)
    if answer.action is ProfileAction.FORBIDDEN:
        return ConfigError(
            f"Amplitude does not let these keys read user profiles ({said}). Ask Amplitude to enable the User Profile "
            "API for the project, or leave the stream user_profiles out of the sync."
        )
    if answer.action is ProfileAction.THROTTLED:
        return TransientError(
            "Amplitude kept answering 429 (too many requests) to profile requests. Other tools may be using the "
            "organization's limit of 600 a minute. The next attempt continues where this one stopped."
        )
    if answer.action is ProfileAction.RETRY:
        return TransientError(
            f"The User Profile API kept failing, at last with: {said}. Check the network between Airbyte and "
            "Amplitude. The next attempt continues where this one stopped."
        )
    return UnexpectedError(f"The User Profile API gave an unexpected answer: {said}")
