"""Sends a request until there is an answer that can be read, or an error that says why there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import Any, TypeVar

import requests
import urllib3

from source_amplitude.endpoints.answers import (
    READABLE,
    NotIncludedError,
    RejectedError,
    UnusableAnswerError,
    access_denied,
    endpoint_action,
    keys_are_wrong,
)
from source_amplitude.errors import AmplitudeError, TransientError, UnexpectedError
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import ErrorWords, error_words, exception_text
from source_amplitude.http.body import BrokenBodyError
from source_amplitude.http.hosts import Region
from source_amplitude.http.retry import Retries, retry_after_seconds

LONGEST_THROTTLED_SECONDS = 900.0

T = TypeVar("T")
Params = Mapping[str, Any]
Send = Callable[..., requests.Response]
"""Sends a request within Amplitude's limits: `send(path, params, cost=1, attempt=1)`, as `Sender` does."""
NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)


class EndpointClient:
    """Reads the answers of one endpoint, and sends requests again while that may help.

    :param send: sends a request
    :param plan_statuses: by these statuses Amplitude itself says that the plan lacks the endpoint (403: or the keys)
    """

    def __init__(
        self,
        stream: str,
        send: Send,
        region: Region,
        plan_statuses: Collection[int],
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._send = send
        self._region = region
        self._plan_statuses = plan_statuses
        self._logger = logger

    def read(
        self,
        path: str,
        params: Params,
        reader: Callable[[requests.Response], T],
        *,
        cost: int = 1,
        readable: Collection[int] = (),
    ) -> T:
        """Returns what `reader` makes of the answer; sends the request again when `reader` finds it unusable.

        :param cost: what Amplitude counts of the request
        :param readable: statuses of errors that `reader` understands, too
        :raises NotIncludedError: Amplitude says that the plan lacks the endpoint
        :raises RejectedError: Amplitude says that it does not accept the request
        :raises AmplitudeError: ConfigError (keys, or access denied), TransientError (it kept failing), UnexpectedError
        """
        retries = Retries(LONGEST_THROTTLED_SECONDS)
        while True:
            denied: AmplitudeError | None = None
            try:
                with closing(self._send(path, params, cost=cost, attempt=retries.attempt)) as response:
                    status = response.status_code
                    if status in READABLE or status in readable:
                        return reader(response)
                    words, retry_after = error_words(response), retry_after_seconds(response.headers)
            except (UnusableAnswerError, BrokenBodyError) as error:
                wait, reason = retries.failed(), str(error)
            except NETWORK_ERRORS as error:
                wait, reason = retries.failed(error), exception_text(error)
            else:
                reason = words.shown
                action = endpoint_action(status, words, self._plan_statuses)
                if action is Action.THROTTLED:
                    wait = retries.throttled(retry_after)
                elif action is Action.RETRY:
                    wait = retries.failed()
                elif action is Action.DENIED:
                    wait, denied = retries.failed(), access_denied(self._stream, self._region, words)
                else:
                    raise self._error(action, words)
            if wait is None:
                raise denied or TransientError(
                    f"Amplitude kept failing to answer for the stream {self._stream}; the last error was: {reason}. "
                    "The next sync tries again."
                )
            self._logger.warning(f"{self._stream}: {reason}; {retries.next_try(wait)}")
            time.sleep(wait)

    def _error(self, action: Action, words: ErrorWords) -> AmplitudeError:
        if action is Action.NOT_INCLUDED:
            return NotIncludedError(words.shown)
        if action is Action.REFUSED:
            return keys_are_wrong(self._region, words)
        kind = RejectedError if words.is_from_amplitude else UnexpectedError
        return kind(f"Amplitude gave an unexpected answer for the stream {self._stream}: {words.shown}")
