"""Sends a request until there is an answer that can be read, or an error that says why there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import Any, TypeVar

import requests
import urllib3

from source_amplitude.errors import AUTHENTICATION_FAILED, AmplitudeError, ConfigError, TransientError
from source_amplitude.http.answers import exception_text
from source_amplitude.http.hosts import Region
from source_amplitude.http.retry import Retries, retry_after_seconds
from source_amplitude.rest.answers import (
    KEYS_REFUSED_WORDS,
    NotIncludedError,
    RejectedError,
    RestAction,
    Said,
    UnusableAnswerError,
    error_words,
    rest_action,
)

# To connect, and without a byte from the server. Requests that are too many were seen to hang for half a minute.
TIMEOUT_SECONDS = (30.0, 180.0)
LONGEST_THROTTLED_SECONDS = 900.0

T = TypeVar("T")
Params = Mapping[str, Any]
Send = Callable[[str, Params], requests.Response]
NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)


class RestClient:
    """The requests of one stream.

    :param send: sends a request to a path with parameters, within the budget, and returns the answer, its body unread
    :param plan_statuses: answers of these statuses mean that the plan lacks the endpoint (403: unless the keys do)
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

    def read(self, path: str, params: Params, reader: Callable[[requests.Response], T]) -> T:
        """What `reader` makes of the answer; it is asked for again when `reader` finds it cut short or unusable.

        :raises NotIncludedError: the plan lacks the endpoint
        :raises RejectedError: Amplitude does not accept the request
        :raises AmplitudeError: ConfigError (keys), TransientError (it kept failing)
        """
        retries = Retries(LONGEST_THROTTLED_SECONDS)
        while True:
            try:
                with closing(self._send(path, params)) as response:
                    action = rest_action(response.status_code)
                    if action is RestAction.READ:
                        return reader(response)
                    said = error_words(response)
                    status, retry_after = response.status_code, retry_after_seconds(response.headers)
            except UnusableAnswerError as error:
                wait, told = retries.failed(), str(error)
            except NETWORK_ERRORS as error:
                wait, told = retries.failed(), exception_text(error)
            else:
                told = f"{status} {said.text or response.reason}"
                if action is RestAction.THROTTLED:
                    wait = retries.throttled(retry_after)
                elif action is RestAction.RETRY:
                    wait = retries.failed()
                else:
                    raise self._error(action, status, said, told)
            if wait is None:
                raise TransientError(
                    f"Amplitude kept failing to answer for the stream {self._stream}; the last error was: {told}. "
                    "The next sync tries again."
                )
            self._logger.info(f"{self._stream}: {told}; trying again in {wait:.1f} s")
            time.sleep(wait)

    def _error(self, action: RestAction, status: int, said: Said, told: str) -> AmplitudeError:
        is_about_keys = KEYS_REFUSED_WORDS in said.text.lower()
        if action is RestAction.FORBIDDEN and said.is_from_amplitude and not is_about_keys:
            action = RestAction.NOT_FOUND
        if action is RestAction.NOT_FOUND and status in self._plan_statuses:
            return NotIncludedError(told)
        if action in (RestAction.REFUSED, RestAction.FORBIDDEN):
            return ConfigError(
                f"{AUTHENTICATION_FAILED} Amplitude says: {told}. The region is set to {self._region}: "
                "a project of the other region is refused in the same way."
            )
        return RejectedError(f"Amplitude gave an unexpected answer for the stream {self._stream}: {told}")
