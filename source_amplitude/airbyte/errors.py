"""Turns the core's errors into Airbyte's, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError

_FAILURE_TYPES = {ConfigError: FailureType.config_error, TransientError: FailureType.transient_error}


class TracedError(AirbyteTracedException):
    """Carries an error of the core into a TRACE message, with a stack trace only where it may be a bug."""

    def as_airbyte_message(self, *args: Any, **kwargs: Any) -> AirbyteMessage:
        return without_stack_trace(super().as_airbyte_message(*args, **kwargs))


class StreamsFailedError(TracedError):
    """Reports that some streams have failed. Each one's own TRACE message was emitted before this is raised."""


def without_stack_trace(message: AirbyteMessage) -> AirbyteMessage:
    """Removes the stack trace of a TRACE message whose error is no bug."""
    if message.trace and message.trace.error and message.trace.error.failure_type in _FAILURE_TYPES.values():
        message.trace.error.stack_trace = None
    return message


def has_user_message(error: BaseException | None) -> bool:
    """Tells whether the user can fix the error, or it is temporary. Neither is a bug, so no traceback is shown."""
    if isinstance(error, AirbyteTracedException):
        return error.failure_type in _FAILURE_TYPES.values()
    return isinstance(error, ConfigError | TransientError)


def traced(error: AmplitudeError) -> AirbyteTracedException:
    """Converts an error of the core to the one that the CDK prints."""
    return TracedError(
        message=error.message,
        internal_message=error.internal_message,
        failure_type=_FAILURE_TYPES.get(type(error), FailureType.system_error),
    )


@contextmanager
def airbyte_errors() -> Iterator[None]:
    """Raises the core's errors as Airbyte's; also a decorator."""
    try:
        yield
    except AmplitudeError as error:
        raise traced(error) from error
