"""The core's errors as Spark shows them: it prints whole tracebacks, so they hold nothing but a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from source_amplitude.errors import AmplitudeError

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Raise the core's errors without their causes and internal messages."""
    try:
        yield
    except AmplitudeError as error:
        raise type(error)(error.message) from None


def with_clear_errors(function: Callable[P, T]) -> Callable[P, T]:
    """`clear_errors` around a function. Not a generator function: it is left before anything goes wrong in it."""

    @wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> T:
        with clear_errors():
            return function(*arguments, **named)

    return called
