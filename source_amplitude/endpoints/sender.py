"""Sends requests without the CDK."""

from __future__ import annotations

from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config.model import Config
from source_amplitude.endpoints.client import TIMEOUT_SECONDS, Params
from source_amplitude.endpoints.rate_limiter import RateLimiter
from source_amplitude.http.session import Session


class Sender:
    """A `Send`: redirects are answers, and bodies are unread.

    :param rates: the limits to keep to; None: what is sent is under none
    """

    def __init__(self, config: Config, rates: RateLimiter | None = None) -> None:
        self._url = config.api_url
        self._session = Session(HTTPBasicAuth(config.api_key, config.secret_key), connections=1)
        self._rates = rates

    def __call__(self, path: str, params: Params) -> requests.Response:
        """
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment names certificates or a proxy that cannot be used
        """
        address, query = f"{self._url}{path}", urlencode(params, doseq=True)
        if self._rates:
            self._rates.wait(f"{address}?{query}")
        return self._session.get(address, query, TIMEOUT_SECONDS[1], allow_redirects=False)
