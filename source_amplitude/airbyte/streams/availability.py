"""Whether profiles can be read with a configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http.availability_strategy import HttpAvailabilityStrategy

from source_amplitude.errors import NOT_IN_THE_EU, AmplitudeError


class TokenBucketAvailabilityStrategy(HttpAvailabilityStrategy):
    """The region gate, and a probe of one user that takes a token of the bucket that the reads share.

    :param is_in_region: whether the configured region has a User Profile API
    :param probe: asks about one user; raises AmplitudeError where profiles cannot be read
    """

    def __init__(self, *, is_in_region: bool, probe: Callable[[], None]) -> None:
        self._is_in_region = is_in_region
        self._probe = probe

    def check_availability(
        self, stream: Stream, logger: logging.Logger, source: Source | None = None
    ) -> tuple[bool, str | None]:
        """Whether the API answers; if not, a sentence tells why. A user that Amplitude does not know is an answer."""
        if not self._is_in_region:
            return False, NOT_IN_THE_EU
        try:
            self._probe()
        except AmplitudeError as error:
            return False, error.message
        return True, None
