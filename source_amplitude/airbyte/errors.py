"""The one place where the core's errors become Airbyte's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError

_FAILURE_TYPES = {ConfigError: FailureType.config_error, TransientError: FailureType.transient_error}


class TracedError(AirbyteTracedException):
    """An error as the CDK prints it, in a TRACE message: with a stack trace only where it may be a bug."""

    def as_airbyte_message(self, *args: Any, **kwargs: Any) -> AirbyteMessage:
        return without_stack_trace(super().as_airbyte_message(*args, **kwargs))


class StreamsFailedError(TracedError):
    """Some streams have failed. Each one's own TRACE message was emitted before this is raised."""


def without_stack_trace(message: AirbyteMessage) -> AirbyteMessage:
    """The same TRACE message; one whose sentence says it all without its stack trace."""
    if message.trace and message.trace.error and message.trace.error.failure_type in _FAILURE_TYPES.values():
        message.trace.error.stack_trace = None
    return message


def has_user_message(error: BaseException | None) -> bool:
    """Whether the error is one that the user can fix, or temporary. Neither is a bug, so no traceback is shown."""
    if isinstance(error, AirbyteTracedException):
        return error.failure_type in _FAILURE_TYPES.values()
    return isinstance(error, ConfigError | TransientError)


def traced(error: AmplitudeError) -> AirbyteTracedException:
    """The error as the CDK prints it."""
    return TracedError(
        message=error.message,
        internal_message=error.internal_message,
        failure_type=_FAILURE_TYPES.get(type(error), FailureType.system_error),
    )


@contextmanager
def airbyte_errors() -> Iterator[None]:
    """Raise the core's errors as Airbyte's; also a decorator."""
    try:
        yield
    except AmplitudeError as error:
        raise traced(error) from error
