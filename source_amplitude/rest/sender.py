"""Sends requests without the CDK."""

from __future__ import annotations

from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config import Config
from source_amplitude.http.session import Session
from source_amplitude.rest.client import TIMEOUT_SECONDS, Params


class Sender:
    """A `Send` that knows no limits. Redirects are answers, and bodies are unread."""

    def __init__(self, config: Config) -> None:
        self._url = config.api_url
        self._session = Session(HTTPBasicAuth(config.api_key, config.secret_key), connections=1)

    def __call__(self, path: str, params: Params) -> requests.Response:
        """
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment names certificates or a proxy that cannot be used
        """
        query = urlencode(params, doseq=True)
        return self._session.get(f"{self._url}{path}", query, TIMEOUT_SECONDS[1], allow_redirects=False)
