"""Sends profile requests, at the rate that the organization's limit allows.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Event
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter

from source_amplitude.config import Config
from source_amplitude.http.retry import retry_after_seconds
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.rate import TokenBucket

Params = Mapping[str, str]

PROFILE_PATH = "v1/userprofile"
CONNECT_TIMEOUT_SECONDS = 30.0
READ_TIMEOUT_SECONDS = 60.0
MOST_CONNECTIONS = 20


class ProfileClient:
    """The User Profile API, for any number of threads.

    :param bucket: the rate, shared by all who send profile requests
    """

    def __init__(self, config: Config, keys: KeyFallback, bucket: TokenBucket) -> None:
        self._url = f"{config.profile_api_url}{PROFILE_PATH}"
        self._bucket = bucket
        self._session = requests.Session()
        self._session.auth = keys
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))

    def request(self, params: Params, cancelled: Event) -> requests.Response:
        """The answer to a profile request, whatever it says, its body still unread; sent when it is its turn.

        :raises Cancelled: `cancelled` was set while it waited
        :raises requests.RequestException: no answer
        """
        query = urlencode(params, quote_via=quote, safe="", errors="surrogatepass")
        self._bucket.acquire(cancelled)
        sent_at = time.monotonic()
        timeout = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
        response = self._session.get(f"{self._url}?{query}", timeout=timeout, stream=True)
        throttled = response.status_code == requests.codes.too_many_requests
        self._bucket.answered(sent_at, throttled=throttled, retry_after=retry_after_seconds(response.headers))
        return response
