"""Sends every request of the package, with the settings of the environment: proxies, certificate authorities.

With `--debug` (the level DEBUG on Spark) the log has each request, but no query string, header or body.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import HTTPError

from source_amplitude.clock import clock_of
from source_amplitude.errors import ConfigError
from source_amplitude.http.answers import NetworkError
from source_amplitude.http.bounded import BoundedAdapter
from source_amplitude.http.secrets import hide

CONNECT_TIMEOUT_SECONDS = 30.0
MOST_REDIRECTS = 10
# An archive of 4 GB at 300 KB/s takes that long.
LONGEST_ANSWER_SECONDS = 14_400.0
_UNUSABLE_ADDRESS = (InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema)
_of_this_thread = threading.local()


def _is_of_others(_: logging.LogRecord) -> bool:
    """Keeps what `urllib3` logs of this package's requests out of every log: query strings, and headers."""
    return not getattr(_of_this_thread, "is_quiet", False)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps `urllib3` from logging anything in this thread."""
    _of_this_thread.is_quiet = True
    try:
        yield
    finally:
        _of_this_thread.is_quiet = False


for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_of_others)


class NoKeys(AuthBase):
    """Sends no keys, and keeps `requests` from looking for some in a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    """Leaves redirects alone: `requests` would read all of their bodies, and look into .netrc for keys."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class Session:
    """Sends requests of any number of threads; their answers come with their bodies unread.

    :param keys: what no text may show
    :param connections: how many are kept open
    :param logger: logs each request at the level DEBUG
    :param answer_seconds: for a whole answer, however steadily it comes
    """

    def __init__(
        self,
        auth: AuthBase,
        keys: Sequence[str],
        connections: int,
        logger: logging.Logger,
        answer_seconds: float = LONGEST_ANSWER_SECONDS,
    ) -> None:
        hide(keys)
        self._session = _Session()
        self._session.auth = auth
        self._logger = logger
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, BoundedAdapter(answer_seconds, connections))

    def get(
        self, url: str, query: str, read_timeout: float, *, follow_redirects: bool = True, attempt: int = 1
    ) -> requests.Response:
        """Sends a request and returns the answer, whatever it says.

        :param read_timeout: seconds for the head of the answer, and then without a byte from the server
        :param attempt: which try of the request this is, for the log
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment names certificates or a proxy that cannot be used
        """
        shown_address = url.partition("?")[0]
        try:
            response = self._send(f"{url}?{query}" if query else url, None, read_timeout, attempt)
        except _UNUSABLE_ADDRESS as error:
            raise ConfigError(
                f"Requests to {shown_address} cannot be sent ({type(error).__name__}). "
                "Check HTTPS_PROXY, HTTP_PROXY and AMPLITUDE_API_URL in the environment."
            ) from None
        except requests.RequestException:
            raise
        except OSError as error:  # before any connection is made: requests does not find the certificates
            raise ConfigError(
                f"Requests to {shown_address} cannot be sent: {error}. "
                "Check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment."
            ) from error
        return self._follow_redirects(response, read_timeout, attempt) if follow_redirects else response

    def head(self, url: str, timeout: float) -> None:
        """Requests the headers of an answer, for its time alone.

        :param timeout: seconds, to connect and to wait
        :raises requests.RequestException: no answer
        """
        headers = {"Cache-Control": "no-cache"}
        try:
            with quiet_libraries():
                response = self._session.head(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False)
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        clock_of(url).shown(response.headers)
        response.close()

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._session.close()

    def _follow_redirects(self, response: requests.Response, read_timeout: float, attempt: int) -> requests.Response:
        """Returns the answer that the redirects lead to; the keys go along while the host stays the same."""
        auth: AuthBase | None = None
        for _ in range(MOST_REDIRECTS):
            if not response.is_redirect:
                return response
            with response:
                address = redirect_address(response)
            if self._session.should_strip_auth(response.url, address):  # type: ignore[no-untyped-call]
                auth = NoKeys()
            response = self._send(address, auth, read_timeout, attempt)
        response.close()
        raise NetworkError(f"more than {MOST_REDIRECTS} redirects")

    def _send(self, address: str, auth: AuthBase | None, read_timeout: float, attempt: int) -> requests.Response:
        """
        :param auth: instead of that of the session
        """
        started = time.monotonic()
        timeout = (CONNECT_TIMEOUT_SECONDS, read_timeout)
        try:
            with quiet_libraries():
                response = self._session.get(address, auth=auth, timeout=timeout, stream=True, allow_redirects=False)
            clock_of(address).shown(response.headers)
        except HTTPError as error:  # some of its errors come through
            self._log(address, type(error).__name__, started, attempt)
            raise requests.ConnectionError(error) from error
        except Exception as error:
            self._log(address, type(error).__name__, started, attempt)
            raise
        if self._logger.isEnabledFor(logging.DEBUG):
            self._log_when_closed(response, started, attempt)
        return response

    def _log_when_closed(self, response: requests.Response, started: float, attempt: int) -> None:
        close = response.close

        def log_and_close() -> None:
            response.close = close  # type: ignore[method-assign]  # what is closed twice is logged once
            self._log(response.url, f"{response.status_code}, {response.raw.tell():,} bytes", started, attempt)
            close()

        response.close = log_and_close  # type: ignore[method-assign]

    def _log(self, address: str, outcome: str, started: float, attempt: int) -> None:
        seconds = time.monotonic() - started
        self._logger.debug(f"GET {urlsplit(address).path}: {outcome}, {seconds:.3f} s, try {attempt}")


def redirect_address(response: requests.Response) -> str:
    """Returns the address that a redirect leads to.

    :raises NetworkError: to no address of the web, or from https to http, where everybody could read along
    """
    try:
        address = urljoin(response.url, response.headers["Location"])
        scheme = urlsplit(address).scheme
        requests.PreparedRequest().prepare_url(address, None)
    except (ValueError, requests.RequestException):
        raise NetworkError("a redirect to an address that cannot be parsed") from None
    if scheme not in ("https", "http"):
        raise NetworkError("a redirect to an address that is none of the web")
    if scheme == "http" and urlsplit(response.url).scheme == "https":
        raise NetworkError("a redirect from https to http, which is not followed")
    return address
