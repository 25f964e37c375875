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
from source_amplitude.user_profiles.profile import Profile

UNKNOWN_USER_TEXT = "not seen before"
THROTTLED_TEXT = "exceeds system limit"


class ProfileAction(Enum):
    """What to do with the answer to a profile request."""

    READ = "read the profile"
    UNKNOWN = "Amplitude has never seen the user: count and go on"
    REJECT = "something is wrong with this one user, or with all: one that is made up tells which"
    REFUSED = "the key is not accepted: try the other one, once"
    FORBIDDEN = "blocked by the plan, a proxy or a firewall; may be temporary: retry, then fail"
    THROTTLED = "too many requests: wait and slow down"
    RETRY = "it passes: try again"


PROFILE_ACTIONS: dict[int, ProfileAction] = {
    200: ProfileAction.READ,
    401: ProfileAction.REFUSED,
    403: ProfileAction.FORBIDDEN,
    404: ProfileAction.RETRY,
    407: ProfileAction.FORBIDDEN,
    408: ProfileAction.RETRY,
    425: ProfileAction.RETRY,
    429: ProfileAction.THROTTLED,
}


def profile_action(status: int, text: str) -> ProfileAction:
    """The action for an answer.

    :param text: the beginning of the body; an unknown user and too many requests are told by Amplitude's words,
        whatever the status
    """
    if THROTTLED_TEXT in text:
        return ProfileAction.THROTTLED
    is_client_error = 400 <= status < 500
    if UNKNOWN_USER_TEXT in text and is_client_error and status not in (401, 403, 407, 429):
        return ProfileAction.UNKNOWN
    return PROFILE_ACTIONS.get(status, ProfileAction.REJECT if is_client_error else ProfileAction.RETRY)


@dataclass(frozen=True)
class Answer:
    """The last answer to a request, after all tries.

    :param said: the API's words, or what went wrong on the network
    """

    action: ProfileAction
    said: str
    profile: Profile | None = None


def error_of(answer: Answer) -> AmplitudeError:
    """The error that an answer stands for when it is not about one user only."""
    said = answer.said
    if answer.action is ProfileAction.REFUSED:
        return ConfigError(f"{AUTHENTICATION_FAILED} The User Profile API accepts neither of them.", said)
    if answer.action is ProfileAction.FORBIDDEN:
        return ConfigError(
            f"Access to user profiles is denied ({said}). Ask Amplitude to enable the User Profile API for the "
            "project, let the proxy or firewall on the way pass the requests, or leave the stream user_profiles out."
        )
    if answer.action is ProfileAction.THROTTLED:
        return TransientError(
            "Amplitude kept answering 429 (too many requests) to profile requests. Other tools may be using the "
            "organization's limit of 600 a minute. The next attempt continues where this one stopped."
        )
    if answer.action is ProfileAction.RETRY:
        return TransientError(
            f"The User Profile API kept failing; the last error was: {said}. Check the network between the "
            "connector and Amplitude, and any proxy on the way. The next attempt continues where this one stopped."
        )
    return UnexpectedError(f"The User Profile API gave an unexpected answer: {said}")
