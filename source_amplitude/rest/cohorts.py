"""The project's cohorts.

Facts from https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from source_amplitude.rest.stream import RestStream

COHORTS_PATH = "api/3/cohorts"
SYNC_INFO = {"includeSyncInfo": "true"}


class Cohorts(RestStream):
    """The cohorts that are published in the project, as they were when each was last computed."""

    name = "cohorts"
    primary_key = "id"
    api_path = COHORTS_PATH
    records_field = "cohorts"
    plan_statuses = frozenset({403, 404})
    empty_hint = "The project has no published cohorts, or its plan does not include them."

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        return dict(SYNC_INFO)
