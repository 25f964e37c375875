"""All streams of these endpoints."""

from __future__ import annotations

import logging

from source_amplitude.airbyte.streams.cohort_members import CohortMembersStream
from source_amplitude.airbyte.streams.daily import DailyStream
from source_amplitude.airbyte.streams.endpoint import EndpointStream
from source_amplitude.config.model import Config
from source_amplitude.endpoints.cohort_members import CohortMembers
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.endpoints.rate_limiter import RateLimiter
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.endpoints.sender import Sender


def endpoint_streams(config: Config, *, in_batches: bool) -> list[EndpointStream]:
    """The streams of one sync, which share the limits of a project."""
    logger = logging.getLogger("airbyte")
    send = Sender(config, RateLimiter(logger), logger)
    return [stream_of(endpoint)(endpoint, config, send, in_batches=in_batches) for endpoint in ENDPOINTS]


def stream_of(endpoint: type[Endpoint]) -> type[EndpointStream]:
    """What makes a stream of an endpoint."""
    if issubclass(endpoint, DailyEndpoint):
        return DailyStream
    return CohortMembersStream if endpoint is CohortMembers else EndpointStream
