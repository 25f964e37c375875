"""Defines the connector: its streams, its connection check, and what it takes from files."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    FailureType,
    Status,
    StreamDescriptor,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.utils.schema_helpers import InternalConfig
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from source_amplitude import clock
from source_amplitude.airbyte.catalog import doubtful_modes, no_such_stream
from source_amplitude.airbyte.errors import StreamsFailedError, airbyte_errors, traced, without_stack_trace
from source_amplitude.airbyte.files import catalog_from, config_from, state_from
from source_amplitude.airbyte.states import usable_states
from source_amplitude.airbyte.streams.endpoints import endpoint_streams
from source_amplitude.airbyte.streams.events import Events
from source_amplitude.airbyte.streams.user_profiles import UserProfiles
from source_amplitude.config.doubts import doubtful_choices, unknown_fields
from source_amplitude.config.form import connection_specification, migrate
from source_amplitude.config.model import Config
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.errors import NOT_IN_THE_EU, AmplitudeError
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.probe import why_no_exports
from source_amplitude.http.hosts import warn_of_overrides

STREAM_NAMES = ("events", "user_profiles", *(endpoint.name for endpoint in ENDPOINTS))


class SourceAmplitude(AbstractSource):
    """Reads Amplitude's events, user profiles, and the tables of its other endpoints.

    :param in_batches: emit `RecordBatch` messages, which only the command line understands
    """

    def __init__(self, *, in_batches: bool = False) -> None:
        self._in_batches = in_batches

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Returns the verdict of `check_connection`, without the quotes that the CDK would put around its sentence."""
        succeeded, why_not = self.check_connection(logger, config)
        return AirbyteConnectionStatus(status=Status.SUCCEEDED if succeeded else Status.FAILED, message=why_not)

    @airbyte_errors()
    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:
        """Checks the Export API, and the User Profile API where users are configured and the region has it."""
        typed = self._typed(config)
        for doubt in doubtful_choices(migrate(config), typed, clock.utc_now()):
            logger.warning(doubt)
        why_not = why_no_exports(typed, logger)
        if why_not is not None or typed.user_profiles.users is None:
            return why_not is None, why_not
        profiles = UserProfiles(typed)
        if not profiles.availability.is_in_region:
            logger.warning(f"{NOT_IN_THE_EU}: the stream user_profiles is left out")
            return True, None
        return profiles.availability.check_availability(profiles, logger, self)

    @airbyte_errors()
    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """Lists the streams of the configured region. `streams` has the others too, whose reading raises the reason."""
        streams = self.streams(config)
        offered = [
            stream for stream in streams if not isinstance(stream, UserProfiles) or stream.availability.is_in_region
        ]
        return AirbyteCatalog(streams=[stream.as_airbyte_stream() for stream in offered])

    @airbyte_errors()
    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        typed = self._typed(config)
        limiter = ConcurrencyLimiter(typed.num_workers)  # one for all export requests
        return [
            Events(typed, limiter, in_batches=self._in_batches),
            UserProfiles(typed, limiter, in_batches=self._in_batches),
            *endpoint_streams(typed, in_batches=self._in_batches),
        ]

    def _typed(self, raw: Mapping[str, Any]) -> Config:
        config = Config.from_mapping(raw)
        # As they are sent: without the blanks around them, and as HTTP Basic; debug logs of the CDK mask these too.
        basic = base64.b64encode(f"{config.api_key}:{config.secret_key}".encode()).decode()
        for secret in (basic, config.api_key, config.secret_key):
            add_to_secrets(secret)
        logger = logging.getLogger("airbyte")
        warn_of_overrides(logger)
        for sentence in unknown_fields(migrate(raw), connection_specification()):
            logger.warning(sentence)
        return config

    @staticmethod
    def _serialize_exception(
        stream_descriptor: StreamDescriptor, e: Exception, stream_instance: Stream | None = None
    ) -> AirbyteTracedException:
        """Converts an exception that ended a stream, for the CDK."""
        if isinstance(e, AmplitudeError):
            return traced(e)
        return AbstractSource._serialize_exception(stream_descriptor, e, stream_instance)

    @property
    def raise_exception_on_missing_stream(self) -> bool:
        return True

    @airbyte_errors()
    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        """Migrates the configuration to today's fields, without the file of the CDK, which a kill would leave."""
        return migrate(config)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        with airbyte_errors():
            usable = usable_states(state or [], STREAM_NAMES, logger)
        errors: list[AirbyteErrorTraceMessage] = []
        try:
            for message in super().read(logger, config, catalog, usable):
                if message.trace and (error := message.trace.error):
                    stream = error.stream_descriptor
                    if stream and stream.name not in STREAM_NAMES:
                        error.message = error.internal_message = no_such_stream(stream.name, STREAM_NAMES)
                    errors.append(error)
                    without_stack_trace(message)
                yield message
        except AirbyteTracedException as summary:
            if not errors:  # before any stream
                raise
            raise _summary_of(errors) from summary

    def _read_stream(
        self,
        logger: logging.Logger,
        stream_instance: Stream,
        configured_stream: ConfiguredAirbyteStream,
        state_manager: ConnectorStateManager,
        internal_config: InternalConfig,
    ) -> Iterator[AirbyteMessage]:
        for doubt in doubtful_modes(configured_stream, stream_instance.as_airbyte_stream()):
            logger.warning(doubt)
        yield from super()._read_stream(logger, stream_instance, configured_stream, state_manager, internal_config)

    read_config = staticmethod(airbyte_errors()(config_from))
    read_catalog = staticmethod(airbyte_errors()(catalog_from))
    read_state = staticmethod(airbyte_errors()(state_from))


def _summary_of(errors: list[AirbyteErrorTraceMessage]) -> AirbyteTracedException:
    """Makes the error that is raised after all streams, when some of them failed.

    The CDK calls its summary a config_error, after which Airbyte would not try a passing fault again.
    """
    failure_types = {error.failure_type for error in errors if error.failure_type}
    streams = "; ".join(f"{e.stream_descriptor.name}: {e.message}" for e in errors if e.stream_descriptor)
    return StreamsFailedError(
        message=f"During the sync, the following streams did not sync successfully: {streams}",
        failure_type=min(failure_types, key=lambda kind: kind.value, default=FailureType.config_error),
    )
