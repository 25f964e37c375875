"""Chooses the key that profile requests are sent with."""

from __future__ import annotations

import logging
from threading import Lock

import requests
from requests.auth import AuthBase


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
