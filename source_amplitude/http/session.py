"""Sends requests with the settings of the environment: proxies, certificate authorities."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema

from source_amplitude.errors import ConfigError

CONNECT_TIMEOUT_SECONDS = 30.0
_UNUSABLE_ADDRESS = (InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema)


class Session:
    """A `requests` session for any number of threads, whose answers come with their bodies unread.

    :param connections: how many are kept open
    """

    def __init__(self, auth: AuthBase, connections: int) -> None:
        self._session = requests.Session()
        self._session.auth = auth
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def get(self, url: str, query: str, read_timeout: float, *, allow_redirects: bool = True) -> requests.Response:
        """The answer, whatever it says.

        :param read_timeout: seconds without a byte from the server
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment names certificates or a proxy that cannot be used
        """
        try:
            return self._session.get(
                f"{url}?{query}",
                timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout),
                stream=True,
                allow_redirects=allow_redirects,
            )
        except _UNUSABLE_ADDRESS as error:
            raise ConfigError(
                f"Requests to {url} cannot be sent ({type(error).__name__}). "
                "Check HTTPS_PROXY, HTTP_PROXY and AMPLITUDE_API_URL in the environment."
            ) from None
        except requests.RequestException:
            raise
        except OSError as error:  # before any connection is made: requests does not find the certificates
            raise ConfigError(
                f"Requests to {url} cannot be sent: {error}. Check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the "
                "environment."
            ) from error
