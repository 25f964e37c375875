"""Sends profile requests, at the rate that the organization's limit allows.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import requests

from source_amplitude.config.model import Config
from source_amplitude.http.retry import retry_after_seconds
from source_amplitude.http.session import Session
from source_amplitude.threads import Cancellation
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer

Params = Mapping[str, str]

PROFILE_PATH = "v1/userprofile"
READ_TIMEOUT_SECONDS = 60.0
ANSWER_SECONDS = 300.0
MOST_CONNECTIONS = 20


class ProfileClient:
    """The User Profile API, for any number of threads.

    :param bucket: the rate, shared by all who send profile requests
    """

    def __init__(self, config: Config, keys: KeyFallback, bucket: RequestPacer, logger: logging.Logger) -> None:
        self._url = f"{config.profile_api_url}{PROFILE_PATH}"
        self._bucket = bucket
        self._session = Session(
            keys, (config.api_key, config.secret_key), MOST_CONNECTIONS, logger, answer_seconds=ANSWER_SECONDS
        )

    def request(self, params: Params, cancellation: Cancellation, attempt: int = 1) -> tuple[float, requests.Response]:
        """When a profile request was sent (by `time.monotonic`), and the answer, whatever it says, its body unread.

        :param attempt: which try of the request this is, for the log
        :raises Cancelled: while it waited
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment does not allow to send it
        """
        query = urlencode(params, quote_via=quote, safe="", errors="surrogatepass")
        self._bucket.acquire(cancellation)
        sent_at = time.monotonic()
        return sent_at, self._session.get(self._url, query, READ_TIMEOUT_SECONDS, attempt=attempt)

    def answered(self, sent_at: float, response: requests.Response, *, throttled: bool) -> None:
        """Let the rate learn from an answer."""
        self._bucket.answered(sent_at, throttled=throttled, retry_after=retry_after_seconds(response.headers))
