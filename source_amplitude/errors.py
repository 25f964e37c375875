"""What goes wrong, as data: how HTTP answers map to actions, and the sentences that users see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import ErrorHandler, ErrorResolution, ResponseAction
from airbyte_cdk.utils import AirbyteTracedException

AUTHENTICATION_FAILED = "Authentication failed. Check your api_key and secret_key."
NOT_IN_THE_EU = "User Profile API is not supported in EU region"
EXPORT_DOCUMENTATION = "https://amplitude.com/docs/apis/analytics/export"
_MARKUP = re.compile(r"<[^>]*>")
_SHOWN_CHARACTERS = 200


class Action(Enum):
    """What to do with the answer to an export request."""

    READ = "read the archive"
    EMPTY = "nothing was uploaded in the range"
    NARROW = "ask for less at once; of a single hour: fail"
    NARROW_OR_RETRY = "ask for less at once; of a single hour: try again"
    WAIT = "too many requests: wait, with fewer in flight"
    RETRY = "it passes: try again"
    REFUSED = "the keys are not accepted"
    FAIL = "never seen, and so not to be guessed at"


EXPORT_ACTIONS: dict[int, Action] = {
    200: Action.READ,
    400: Action.NARROW,
    401: Action.REFUSED,
    403: Action.REFUSED,
    404: Action.EMPTY,
    408: Action.RETRY,
    413: Action.NARROW,
    429: Action.WAIT,
    500: Action.RETRY,
    502: Action.RETRY,
    503: Action.RETRY,
    504: Action.NARROW_OR_RETRY,
}


def export_action(response: requests.Response) -> Action:
    """The action for an answer of the Export API. A web page that says 404 is a proxy's, and tells nothing of data."""
    status = response.status_code
    if status == requests.codes.not_found and response.headers.get("Content-Type", "").startswith("text/html"):
        return Action.RETRY
    return EXPORT_ACTIONS.get(status, Action.RETRY if status > 504 else Action.FAIL)


@dataclass(frozen=True)
class RegionHint:
    """Why keys may be refused although they are right."""

    region: str

    def __str__(self) -> str:
        return f"The region is set to {self.region}: a project of the other region is refused in the same way."


def config_error(message: str, internal_message: str | None = None) -> AirbyteTracedException:
    """An error that the user can mend; `message` says how, in a sentence."""
    return AirbyteTracedException(
        message=message, internal_message=internal_message or message, failure_type=FailureType.config_error
    )


def transient_error(message: str, internal_message: str | None = None) -> AirbyteTracedException:
    """An error that passes by itself: the next attempt may succeed."""
    return AirbyteTracedException(
        message=message, internal_message=internal_message or message, failure_type=FailureType.transient_error
    )


def system_error(message: str, internal_message: str | None = None) -> AirbyteTracedException:
    """A bug, or an answer that nobody has seen before."""
    return AirbyteTracedException(
        message=message, internal_message=internal_message or message, failure_type=FailureType.system_error
    )


def no_temporary_folder(error: OSError) -> AirbyteTracedException:
    """Nothing can be downloaded without one, and the CDK needs it for every command."""
    return config_error(
        "No temporary folder can be written to: mount one at /tmp, or set TMPDIR to a writable folder.", str(error)
    )


def answer_text(response: requests.Response) -> str:
    """The beginning of an error answer's own words, on one line and without markup; empty when it has none."""
    try:
        body = next(response.iter_content(4096), b"")
    except requests.RequestException:
        return ""
    text = " ".join(_MARKUP.sub(" ", body.decode("utf-8", "replace")).split())
    return text[:_SHOWN_CHARACTERS]


class HandOver(ErrorHandler):
    """Makes the CDK's HTTP client a mere transport: answers come back as they are, exceptions are raised as they are.

    What an answer means depends on the width of the window it is for, which the client does not know.
    """

    @property
    def max_retries(self) -> int | None:
        return 0

    @property
    def max_time(self) -> int | None:
        return None

    def interpret_response(self, response_or_exception: Any = None) -> ErrorResolution:
        if isinstance(response_or_exception, Exception):
            raise response_or_exception
        return ErrorResolution(response_action=ResponseAction.SUCCESS)


def exception_text(error: BaseException) -> str:
    """What went wrong on the network in a few words, without addresses of objects or query strings."""
    reason: Any = error
    for _ in range(5):
        inner = getattr(reason, "reason", None) or (reason.args[0] if getattr(reason, "args", None) else None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    text = re.sub(r"<[^>]*>:? ?", "", str(reason)) or type(reason).__name__
    return f"{type(error).__name__}: {text}"[:_SHOWN_CHARACTERS]
