"""All streams of these endpoints."""

from __future__ import annotations

from source_amplitude.config import Config
from source_amplitude.rest.budget import rest_budget
from source_amplitude.rest.cohort_members import CohortMembers
from source_amplitude.rest.daily import DailyEndpoint
from source_amplitude.rest.daily_stream import DailyStream
from source_amplitude.rest.endpoint import Endpoint
from source_amplitude.rest.endpoints import ENDPOINTS
from source_amplitude.rest.members_stream import MembersStream
from source_amplitude.rest.stream import RestStream


def rest_streams(config: Config, *, in_batches: bool) -> list[RestStream]:
    """The streams of one sync, which share one budget."""
    budget = rest_budget()
    return [stream_of(endpoint)(endpoint, config, budget, in_batches=in_batches) for endpoint in ENDPOINTS]


def stream_of(endpoint: type[Endpoint]) -> type[RestStream]:
    """What makes a stream of an endpoint."""
    if issubclass(endpoint, DailyEndpoint):
        return DailyStream
    return MembersStream if endpoint is CohortMembers else RestStream
