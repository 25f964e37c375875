"""What the answers of the User Profile API mean, as data.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

from enum import Enum

UNKNOWN_USER_TEXT = "not seen before"


class Action(Enum):
    """What to do with the answer to a profile request."""

    READ = "read the profile"
    UNKNOWN = "Amplitude has never seen the user: count and go on"
    REJECT = "something is wrong with this one user: count, warn and go on"
    REFUSED = "the key is not accepted: try the other one, once"
    FORBIDDEN = "the key is known but may not read profiles"
    WAIT = "too many requests: wait and slow down"
    RETRY = "it passes: try again"
    FAIL = "wrong for any user, so no request can succeed"


PROFILE_ACTIONS: dict[int, Action] = {
    200: Action.READ,
    401: Action.REFUSED,
    403: Action.FORBIDDEN,
    405: Action.FAIL,
    407: Action.FAIL,
    408: Action.RETRY,
    410: Action.FAIL,
    425: Action.RETRY,
    429: Action.WAIT,
}


def profile_action(status: int, text: str) -> Action:
    """The action for an answer.

    :param text: the beginning of the body of an answer other than 200: an unknown user is told from a bad request, and
        a bad request from a wrong path (404 with an empty body), by it
    """
    if status in PROFILE_ACTIONS:
        return PROFILE_ACTIONS[status]
    if status >= 500:
        return Action.RETRY
    if 400 <= status < 500:
        if UNKNOWN_USER_TEXT in text:
            return Action.UNKNOWN
        return Action.FAIL if status == 404 and not text else Action.REJECT
    return Action.FAIL
