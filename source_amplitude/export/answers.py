"""What the answers of the Export API mean, as data; `download` acts on it, and `limiter` on a 429.

Facts from https://amplitude.com/docs/apis/analytics/export. Proxies, gateways, firewalls and portals answer in
Amplitude's place, with any status: only Amplitude's own words make a range empty or the keys wrong.
"""

from __future__ import annotations

import re
from enum import Enum

import requests

from source_amplitude.errors import AUTHENTICATION_FAILED, ConfigError
from source_amplitude.http.answers import said

NO_DATA_TEXT = "raw data files were not found"
# In any words: what this API says of keys is neither documented nor known from practice.
_OF_KEYS = re.compile(r"\b(api|secret)[ _-]?key\b|\bapi/secret\b", re.IGNORECASE)
_OF_SIZE = re.compile(r"\b(size|large|exceeds?|4 ?GB|too many|reduce)\b", re.IGNORECASE)


class ExportAction(Enum):
    """What to do with the answer to an export request."""

    READ = "read the archive"
    EMPTY = "nothing was uploaded in the range"
    SPLIT = "ask for less at once; of a single hour: fail"
    SPLIT_OR_RETRY = "ask for less at once; of a single hour: try again"
    THROTTLED = "too many requests: wait, with fewer in flight"
    RETRY = "it passes: try again"
    REFUSED = "the keys are not accepted"
    DENIED = "blocked by the plan, a proxy or a firewall; may be temporary: retry, then fail"
    FAIL = "unknown client error: fail rather than guess"


EXPORT_ACTIONS: dict[int, ExportAction] = {
    200: ExportAction.READ,
    400: ExportAction.SPLIT,
    401: ExportAction.REFUSED,
    403: ExportAction.DENIED,
    404: ExportAction.RETRY,
    407: ExportAction.DENIED,
    408: ExportAction.RETRY,
    413: ExportAction.SPLIT,
    425: ExportAction.RETRY,
    429: ExportAction.THROTTLED,
    504: ExportAction.SPLIT_OR_RETRY,
}


def export_answer(response: requests.Response) -> tuple[ExportAction, str]:
    """The action for an answer of the Export API, and its status and words; the body of a 200 stays unread."""
    status = response.status_code
    if status == requests.codes.ok:
        return ExportAction.READ, "200"
    words = said(response)
    if status == requests.codes.not_found and NO_DATA_TEXT in words.lower():
        return ExportAction.EMPTY, words
    if status == requests.codes.forbidden and _OF_KEYS.search(words):
        return ExportAction.REFUSED, words
    is_client_error = 400 <= status < 500
    return EXPORT_ACTIONS.get(status, ExportAction.FAIL if is_client_error else ExportAction.RETRY), words


def keys_refused(region: str, words: str) -> ConfigError:
    """The keys were refused; they may be right, and only those of another region."""
    return ConfigError(
        f"{AUTHENTICATION_FAILED} Amplitude's answer was {words}. The region is set to {region}: "
        "a project of the other region is refused in the same way."
    )


def access_denied(region: str, words: str) -> ConfigError:
    """A 403 or 407 that says nothing of keys, and that stays."""
    return ConfigError(
        f"Access to the Export API is denied ({words}). Check api_key, secret_key and the region ({region}); if they "
        "are right, the project's plan does not include exports, or a proxy or firewall on the way denies them."
    )


def hour_refused(hour: str, words: str) -> ConfigError:
    """A 400 or 413 to a single hour, which cannot be split."""
    if _OF_SIZE.search(words) or words.startswith("413"):
        return ConfigError(
            f"The hour {hour} is too large for the Export API ({words}), which serves 4 GB at most. "
            "Move it with Amplitude's S3 export, and set start_date after it."
        )
    return ConfigError(
        f"Amplitude refuses to export the hour {hour} ({words}). "
        "Smaller ranges do not help. Check that the keys are those of a project whose raw data can be exported."
    )
