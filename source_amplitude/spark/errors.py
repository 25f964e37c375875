"""Reduces the core's errors to a sentence, since Spark prints whole tracebacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError

_KINDS = (ConfigError, TransientError, UnexpectedError, AmplitudeError)
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Raises the core's errors as one of the three kinds, without their causes and internal messages."""
    try:
        yield
    except AmplitudeError as error:
        kind = next(kind for kind in type(error).__mro__ if kind in _KINDS)
        raise kind(error.message) from None


def with_clear_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Wraps a function in `clear_errors`; no generator function, which returns before anything goes wrong."""

    @wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> T:
        with clear_errors():
            return function(*arguments, **named)

    return called
