"""What the answers of the Export API mean, as data.

Facts from https://amplitude.com/docs/apis/analytics/export
"""

from __future__ import annotations

from enum import Enum

import requests

from source_amplitude.errors import AUTHENTICATION_FAILED, ConfigError


class ExportAction(Enum):
    """What to do with the answer to an export request."""

    READ = "read the archive"
    EMPTY = "nothing was uploaded in the range"
    SPLIT = "ask for less at once; of a single hour: fail"
    SPLIT_OR_RETRY = "ask for less at once; of a single hour: try again"
    THROTTLED = "too many requests: wait, with fewer in flight"
    RETRY = "it passes: try again"
    REFUSED = "the keys are not accepted"
    FAIL = "never seen, and so not to be guessed at"


EXPORT_ACTIONS: dict[int, ExportAction] = {
    200: ExportAction.READ,
    400: ExportAction.SPLIT,
    401: ExportAction.REFUSED,
    403: ExportAction.REFUSED,
    404: ExportAction.EMPTY,
    408: ExportAction.RETRY,
    413: ExportAction.SPLIT,
    429: ExportAction.THROTTLED,
    500: ExportAction.RETRY,
    502: ExportAction.RETRY,
    503: ExportAction.RETRY,
    504: ExportAction.SPLIT_OR_RETRY,
}


def export_action(response: requests.Response) -> ExportAction:
    """The action for an answer of the Export API. A web page that says 404 is a proxy's, and tells nothing of data."""
    status = response.status_code
    if status == requests.codes.not_found and response.headers.get("Content-Type", "").startswith("text/html"):
        return ExportAction.RETRY
    return EXPORT_ACTIONS.get(status, ExportAction.RETRY if status > 504 else ExportAction.FAIL)


def keys_refused(region: str, said: str) -> ConfigError:
    """The keys were refused; they may be right, and only those of another region."""
    return ConfigError(
        f"{AUTHENTICATION_FAILED} The region is set to {region}: "
        "a project of the other region is refused in the same way.",
        said,
    )
