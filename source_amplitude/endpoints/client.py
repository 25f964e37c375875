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
    ENDPOINT_ACTIONS,
    EndpointAction,
    NotIncludedError,
    RejectedError,
    Said,
    UnusableAnswerError,
    access_denied,
    endpoint_action,
    error_words,
    keys_refused,
)
from source_amplitude.errors import AmplitudeError, TransientError, UnexpectedError
from source_amplitude.http.answers import exception_text
from source_amplitude.http.hosts import Region
from source_amplitude.http.retry import Retries, retry_after_seconds

# To connect, and without a byte from the server. Requests that are too many were seen to hang for half a minute.
TIMEOUT_SECONDS = (30.0, 180.0)
LONGEST_THROTTLED_SECONDS = 900.0

T = TypeVar("T")
Params = Mapping[str, Any]
Send = Callable[[str, Params], requests.Response]
NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)


class EndpointClient:
    """The requests of one stream.

    :param send: sends a request to a path with parameters, within the budget, and returns the answer, its body unread
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
        self, path: str, params: Params, reader: Callable[[requests.Response], T], readable: Collection[int] = ()
    ) -> T:
        """What `reader` makes of the answer; it is asked for again when `reader` finds it cut short or unusable.

        :param readable: statuses of errors that `reader` understands, too
        :raises NotIncludedError: Amplitude says that the plan lacks the endpoint
        :raises RejectedError: Amplitude says that it does not accept the request
        :raises AmplitudeError: ConfigError (keys, or access denied), TransientError (it kept failing), UnexpectedError
        """
        retries = Retries(LONGEST_THROTTLED_SECONDS)
        while True:
            denied: AmplitudeError | None = None
            try:
                with closing(self._send(path, params)) as response:
                    status = response.status_code
                    if ENDPOINT_ACTIONS.get(status) is EndpointAction.READ or status in readable:
                        return reader(response)
                    said, retry_after = error_words(response), retry_after_seconds(response.headers)
            except UnusableAnswerError as error:
                wait, told = retries.failed(), str(error)
            except NETWORK_ERRORS as error:
                wait, told = retries.failed(), exception_text(error)
            else:
                told = said.text
                action = endpoint_action(status, said, self._plan_statuses)
                if action is EndpointAction.THROTTLED:
                    wait = retries.throttled(retry_after)
                elif action is EndpointAction.RETRY:
                    wait = retries.failed()
                elif action is EndpointAction.DENIED:
                    wait, denied = retries.failed(), access_denied(self._stream, self._region, said)
                else:
                    raise self._error(action, said)
            if wait is None:
                raise denied or TransientError(
                    f"Amplitude kept failing to answer for the stream {self._stream}; the last error was: {told}. "
                    "The next sync tries again."
                )
            self._logger.warning(f"{self._stream}: {told}; trying again in {wait:.1f} s")
            time.sleep(wait)

    def _error(self, action: EndpointAction, said: Said) -> AmplitudeError:
        if action is EndpointAction.NOT_INCLUDED:
            return NotIncludedError(said.text)
        if action is EndpointAction.REFUSED:
            return keys_refused(self._region, said)
        kind = RejectedError if said.is_from_amplitude else UnexpectedError
        return kind(f"Amplitude gave an unexpected answer for the stream {self._stream}: {said.text}")
