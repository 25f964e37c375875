"""Sends the requests of all endpoints, within Amplitude's limits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config.model import Config
from source_amplitude.endpoints.answers import endpoint_action, keys_are_wrong
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import error_words
from source_amplitude.http.hosts import Region
from source_amplitude.http.session import Session

# Requests that are too many were seen to hang for half a minute.
READ_TIMEOUT_SECONDS = 180.0
# Some answers are files of cohorts.
ANSWER_SECONDS = 3600.0
Params = Mapping[str, Any]


class Sender:
    """Sends requests and returns the answers, redirects too, with their bodies unread.

    :param rates: the limits of the project, shared by all who send requests
    """

    def __init__(self, config: Config, rates: RateLimiter, logger: logging.Logger) -> None:
        keys = (config.api_key, config.secret_key)
        self._url = config.api_url
        self._session = Session(HTTPBasicAuth(*keys), keys, connections=1, logger=logger, answer_seconds=ANSWER_SECONDS)
        self._rates = rates

    def __call__(self, path: str, params: Params, *, cost: int = 1, attempt: int = 1) -> requests.Response:
        """
        :param cost: what Amplitude counts of the request
        :param attempt: which try of the request this is, for the log
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment names certificates or a proxy that cannot be used
        """
        self._rates.wait(path, cost)
        address, query = f"{self._url}{path}", urlencode(params, doseq=True)
        return self._session.get(address, query, READ_TIMEOUT_SECONDS, follow_redirects=False, attempt=attempt)


def check_keys(send: Sender, region: Region) -> None:
    """Checks the keys by one cheap request. Other errors are those of the table that is read.

    :raises ConfigError: the keys are refused
    """
    try:
        with closing(send("api/2/events/list", {})) as response:
            if response.status_code < requests.codes.bad_request:
                return
            words = error_words(response)
            action = endpoint_action(response.status_code, words, ())
    except requests.RequestException:
        return
    if action is Action.REFUSED:
        raise keys_are_wrong(region, words)
