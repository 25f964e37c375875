"""Reduces the core's errors to a sentence, since Spark prints whole tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError

_KINDS = (ConfigError, TransientError, UnexpectedError, AmplitudeError)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Raises the core's errors as one of the three kinds, without their causes and internal messages.

    As a decorator too, but for generator functions, which return before anything goes wrong.
    """
    try:
        yield
    except AmplitudeError as error:
        kind = next(kind for kind in type(error).__mro__ if kind in _KINDS)
        raise kind(error.message) from None
