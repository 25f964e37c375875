"""Sends export requests.

Facts from https://amplitude.com/docs/apis/analytics/export
"""

from __future__ import annotations

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config import Config
from source_amplitude.export.windows import Window

EXPORT_PATH = "api/2/export"
CONNECT_TIMEOUT_SECONDS = 30.0


class ExportClient:
    """The Export API of the configured region, for any number of threads."""

    def __init__(self, config: Config) -> None:
        self.region = config.region
        self.url = config.api_url
        self._session = requests.Session()
        self._session.auth = HTTPBasicAuth(config.api_key, config.secret_key)

    def request(self, window: Window, read_timeout: float) -> requests.Response:
        """The answer to the export request of a window, whatever it says, its body still unread.

        :param read_timeout: seconds without a byte from the server
        :raises requests.RequestException: no answer
        """
        return self._session.get(
            f"{self.url}{EXPORT_PATH}",
            params={"start": window.start_param, "end": window.end_param},
            timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout),
            stream=True,
        )
