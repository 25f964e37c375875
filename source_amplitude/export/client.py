"""Sends export requests.

Facts from https://amplitude.com/docs/apis/analytics/export
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config.model import Config
from source_amplitude.export.windows import Window
from source_amplitude.http.session import Session

EXPORT_PATH = "api/2/export"
MOST_CONNECTIONS = 10


class ExportClient:
    """The Export API of the configured region, for any number of threads."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        keys = (config.api_key, config.secret_key)
        self.region = config.region
        self.url = config.api_url
        self._session = Session(HTTPBasicAuth(*keys), keys, MOST_CONNECTIONS, logger)

    def request(self, window: Window, read_timeout: float, attempt: int = 1) -> requests.Response:
        """The answer to the export request of a window, whatever it says, its body still unread.

        :param read_timeout: seconds without a byte from the server
        :param attempt: which try of the request this is, for the log
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment does not allow to send it
        """
        query = urlencode({"start": window.start_param, "end": window.end_param})
        return self._session.get(f"{self.url}{EXPORT_PATH}", query, read_timeout, attempt=attempt)
