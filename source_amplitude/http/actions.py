"""Decides by its status what to do with an answer: one table for all APIs, to which each adds what it alone means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Action(Enum):
    """Names what to do with the answer to a request."""

    READ = "read it"
    EMPTY = "there is nothing in the range"
    UNKNOWN = "Amplitude has never seen the user"
    NOT_INCLUDED = "Amplitude says that the plan lacks it"
    REFUSED = "the keys are not accepted"
    DENIED = "blocked by the plan, a proxy or a firewall; may be temporary: retry, then fail"
    THROTTLED = "too many requests, or too much cost: wait"
    RETRY = "it passes: try again"
    SPLIT = "ask for less at once; where that is impossible: fail"
    SPLIT_OR_RETRY = "ask for less at once; where that is impossible: try again"
    REJECTED = "this request makes no sense to Amplitude: fail rather than guess"


# Facts from https://amplitude.com/docs/apis/analytics/export and `.../dashboard-rest`; the rest is RFC 9110.
_ACTIONS: dict[int, Action] = {
    200: Action.READ,
    401: Action.REFUSED,
    403: Action.DENIED,
    404: Action.RETRY,
    407: Action.DENIED,
    408: Action.RETRY,
    425: Action.RETRY,
    429: Action.THROTTLED,
}


def action_of(status: int, of_this_api: Mapping[int, Action]) -> Action:
    """Decides what to do with an answer. A client error that nobody knows is rejected; anything else is tried again.

    :param of_this_api: what some statuses mean for this API
    """
    others = Action.REJECTED if 400 <= status < 500 else Action.RETRY
    return of_this_api.get(status) or _ACTIONS.get(status, others)
