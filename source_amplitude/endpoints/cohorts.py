"""The project's cohorts.

Facts from https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

from __future__ import annotations

from source_amplitude.endpoints.client import Params
from source_amplitude.endpoints.endpoint import Days, Endpoint

COHORTS_PATH = "api/3/cohorts"
SYNC_INFO = {"includeSyncInfo": "true"}


class Cohorts(Endpoint):
    """The cohorts that are published in the project, as they were when each was last computed."""

    name = "cohorts"
    primary_keys = ("id",)
    api_path = COHORTS_PATH
    records_field = "cohorts"
    plan_statuses = frozenset({403, 404})
    empty_hint = "The project has no published cohorts, or its plan does not include them."

    def params(self, days: Days) -> Params:
        return SYNC_INFO
