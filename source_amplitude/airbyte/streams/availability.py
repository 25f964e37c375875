"""Decides whether profiles can be read with a configuration, and at which pace."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http.availability_strategy import HttpAvailabilityStrategy

from source_amplitude.config.model import Config
from source_amplitude.errors import NOT_IN_THE_EU, AmplitudeError, ConfigError
from source_amplitude.user_profiles.pacer import RequestPacer


class TokenBucketAvailabilityStrategy(HttpAvailabilityStrategy):
    """Owns what bounds the stream `user_profiles`: the region gate, and the bucket of tokens for its requests.

    `bucket` paces the probe of `check` as it paces the reads, and `is_in_region` is whether the configured region has a
    User Profile API.

    :param probe: asks about one user, by a token of the bucket; raises AmplitudeError where profiles cannot be read
    """

    def __init__(self, config: Config, probe: Callable[[], None], logger: logging.Logger) -> None:
        self.bucket = RequestPacer(config.user_profiles.requests_per_minute, logger)
        self.is_in_region = config.region == "US"
        self._probe = probe

    def require_region(self) -> None:
        """Lets a read pass the gate.

        :raises ConfigError: the region has no User Profile API
        """
        if not self.is_in_region:
            raise ConfigError(f"{NOT_IN_THE_EU}: leave the stream user_profiles out of the sync.")

    def check_availability(
        self, stream: Stream, logger: logging.Logger, source: Source | None = None
    ) -> tuple[bool, str | None]:
        """Asks about one user; where the API does not answer, a sentence says why. An unknown user is an answer."""
        if not self.is_in_region:
            return False, NOT_IN_THE_EU
        try:
            self._probe()
        except AmplitudeError as error:
            return False, error.message
        return True, None
