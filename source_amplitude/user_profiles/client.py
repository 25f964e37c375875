"""Sends profile requests, at the rate that the organization's limit allows.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from threading import Lock
from urllib.parse import quote, urlencode

import requests
from requests.auth import AuthBase

from source_amplitude.config.model import Config
from source_amplitude.http.hosts import profile_api_url
from source_amplitude.http.retry import retry_after_seconds
from source_amplitude.http.session import Session
from source_amplitude.threads import Cancellation
from source_amplitude.user_profiles.pacer import RequestPacer

Params = Mapping[str, str]

PROFILE_PATH = "v1/userprofile"
READ_TIMEOUT_SECONDS = 60.0
ANSWER_SECONDS = 300.0
MOST_CONNECTIONS = 20


class KeyFallback(AuthBase):
    """Sends the secret key; once it is refused, the API key. The first one that is accepted stays.

    It is documented to be the secret key; some accounts are known to need the API key.

    Safe with requests in flight in parallel: an answer counts against the key that its request was sent with.
    """

    def __init__(self, secret_key: str, api_key: str, logger: logging.Logger) -> None:
        self._headers = list(dict.fromkeys(f"Api-Key {key}" for key in (secret_key, api_key)))
        self._accepted = False
        self._logger = logger
        self._lock = Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._headers[0]
        return request

    def accepted(self, request: requests.PreparedRequest) -> None:
        """Learns that the key of a request was accepted: no other one will be tried."""
        with self._lock:
            self._accepted = self._accepted or self._is_present(request)

    def refused(self, request: requests.PreparedRequest) -> bool:
        """Learns that the key of a request was refused (401). Returns whether to try another key."""
        with self._lock:
            if "Authorization" not in request.headers:  # it was redirected to another host
                return False
            if not self._is_present(request):
                return True
            if self._accepted or len(self._headers) == 1:
                return False
            del self._headers[0]
            self._logger.info("The User Profile API refused the secret key: trying the API key, as some accounts need")
            return True

    def _is_present(self, request: requests.PreparedRequest) -> bool:
        return request.headers.get("Authorization") == self._headers[0]


class ProfileClient:
    """Sends requests to the User Profile API, for any number of threads.

    :param bucket: the rate, shared by all who send profile requests
    """

    def __init__(self, config: Config, keys: KeyFallback, bucket: RequestPacer, logger: logging.Logger) -> None:
        self._url = f"{profile_api_url()}{PROFILE_PATH}"
        self._bucket = bucket
        self._session = Session(
            keys, (config.api_key, config.secret_key), MOST_CONNECTIONS, logger, answer_seconds=ANSWER_SECONDS
        )

    def request(self, params: Params, cancellation: Cancellation, attempt: int = 1) -> tuple[float, requests.Response]:
        """Sends a profile request; returns when that was (by `time.monotonic`), and any answer, its body unread.

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
        """Lets the rate learn from an answer."""
        self._bucket.answered(sent_at, throttled=throttled, retry_after=retry_after_seconds(response.headers))
