"""Whether profiles can be read with a configuration, and the rate at which they may be."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http.availability_strategy import HttpAvailabilityStrategy
from airbyte_cdk.utils import AirbyteTracedException

from source_amplitude.errors import NOT_IN_THE_EU
from source_amplitude.user_profiles.budget import ProfileBudget

if TYPE_CHECKING:
    from source_amplitude.user_profiles.stream import UserProfiles


class TokenBucketAvailabilityStrategy(HttpAvailabilityStrategy):
    """The region gate, and a probe of one user that takes a token of the bucket that the reads share.

    :param requests_per_minute: what the bucket of `budget` lets through
    """

    def __init__(self, requests_per_minute: int) -> None:
        self.budget = ProfileBudget(requests_per_minute)

    def check_availability(
        self, stream: Stream, logger: logging.Logger, source: Source | None = None
    ) -> tuple[bool, str | None]:
        """Whether the API answers; if not, a sentence tells why. A user that Amplitude does not know is an answer."""
        profiles: UserProfiles = stream  # type: ignore[assignment]
        if not profiles.is_in_region:
            return False, NOT_IN_THE_EU
        try:
            profiles.probe()
        except AirbyteTracedException as error:
            return False, error.message
        return True, None
