"""Sends export requests, and decides what their answers mean; `download` acts on that, and `limiter` on a 429.

Facts from https://amplitude.com/docs/apis/analytics/export. Proxies, gateways, firewalls and portals answer in
Amplitude's place, with any status: only Amplitude's own words make a range empty or the keys wrong.
"""

from __future__ import annotations

import logging
import re
from typing import NamedTuple
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth

from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import Window
from source_amplitude.http.actions import Action, action_of
from source_amplitude.http.answers import error_words
from source_amplitude.http.session import Session

EXPORT_PATH = "api/2/export"
MOST_CONNECTIONS = 10
# Seen in practice, and documented.
NO_DATA_TEXTS = ("raw data files were not found", "no data available for the time range")
# In any words: what this API says of keys is neither documented nor known from practice.
_OF_KEYS = re.compile(r"\b(api|secret)[ _-]?key\b|\bapi/secret\b", re.IGNORECASE)
_OF_SIZE = re.compile(r"\b(size|large|exceeds?|4 ?GB|too many|reduce)\b", re.IGNORECASE)

EXPORT_ACTIONS: dict[int, Action] = {
    400: Action.SPLIT,
    413: Action.SPLIT,
    504: Action.SPLIT_OR_RETRY,
}


class ExportClient:
    """Sends requests to the Export API of the configured region, for any number of threads."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        keys = (config.api_key, config.secret_key)
        self.region = config.region
        self.url = config.api_url
        self._session = Session(HTTPBasicAuth(*keys), keys, MOST_CONNECTIONS, logger)

    def request(self, window: Window, read_timeout: float, attempt: int = 1) -> requests.Response:
        """Sends the export request of a window; returns any answer, its body still unread.

        :param read_timeout: seconds without a byte from the server
        :param attempt: which try of the request this is, for the log
        :raises requests.RequestException: no answer
        :raises ConfigError: the environment does not allow to send it
        """
        query = urlencode({"start": window.start_param, "end": window.end_param})
        return self._session.get(f"{self.url}{EXPORT_PATH}", query, read_timeout, attempt=attempt)


class ExportAnswer(NamedTuple):
    """Holds what an answer of the Export API means.

    :param words: its status and words, to show
    :param is_about_size: whether it says that the range is too large
    """

    action: Action
    words: str
    is_about_size: bool = False


def export_answer(response: requests.Response) -> ExportAnswer:
    """Decides what to do with an answer of the Export API; the body of a 200 stays unread."""
    status = response.status_code
    if status == requests.codes.ok:
        return ExportAnswer(Action.READ, "200")
    words = error_words(response)
    action = action_of(status, EXPORT_ACTIONS)
    if status == requests.codes.not_found and any(text in words.all.lower() for text in NO_DATA_TEXTS):
        action = Action.EMPTY
    elif status == requests.codes.forbidden and _OF_KEYS.search(words.all):
        action = Action.REFUSED
    is_about_size = status == requests.codes.request_entity_too_large or bool(_OF_SIZE.search(words.all))
    return ExportAnswer(action, words.shown, is_about_size)


def access_denied(region: str, words: str) -> ConfigError:
    """Makes the error for a 403 or 407 that stays, and does not come of the keys."""
    return ConfigError(
        f"Access to the Export API is denied ({words}). Check api_key, secret_key and the region ({region}); if they "
        "are right, the project's plan does not include exports, or a proxy or firewall on the way denies them."
    )


def hour_refused(hour: str, answer: ExportAnswer) -> ConfigError:
    """Makes the error for a 400 or 413 to a single hour, which cannot be split."""
    if answer.is_about_size:
        return ConfigError(
            f"The hour {hour} is too large for the Export API ({answer.words}), which serves 4 GB at most. "
            f"Move it with Amplitude's S3 export, and name it in skip_hours ({hour}), which leaves its events out here."
        )
    return ConfigError(
        f"Amplitude refuses to export the hour {hour} ({answer.words}). "
        "Smaller ranges do not help. Check that the keys are those of a project whose raw data can be exported. "
        f"Where it is this hour alone, name it in skip_hours ({hour}), which leaves its events out."
    )


def hour_of_too_many_files(hour: str, reason: str) -> ConfigError:
    """Makes the error for a single hour, which cannot be split, whose archive has more files than memory may hold."""
    return ConfigError(
        f"The archive of the hour {hour} has too many files to be read ({reason}); Amplitude's have some hundred. "
        f"Report it to Amplitude's support, and name the hour in skip_hours ({hour}), which leaves its events out here."
    )
