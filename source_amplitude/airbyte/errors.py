"""The one place where the core's errors become Airbyte's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError

_FAILURE_TYPES = {ConfigError: FailureType.config_error, TransientError: FailureType.transient_error}


def traced(error: AmplitudeError) -> AirbyteTracedException:
    """The error as the CDK prints it, in a TRACE message."""
    return AirbyteTracedException(
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
