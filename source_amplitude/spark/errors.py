"""Reduces the core's errors to a sentence, and lets a task that failed for good fail again at once.

Spark prints whole tracebacks, and tries every failed task anew, whatever its error. A Python worker ends with its
error, so what is known is kept in the folder that Spark makes for an application on each executor and removes with it.
Facts: `pyspark.worker` exits after an exception; `SparkFiles.getRootDirectory`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError

_logger = logging.getLogger("source_amplitude.lakeflow")
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


@contextmanager
def known_errors_stay() -> Iterator[None]:
    """Raises a `ConfigError` that the same task had before on this executor, instead of asking Amplitude again.

    Only what the user must mend is kept: what passes by itself is worth another try. Another query, and another
    micro-batch, is another task.
    """
    note = _note()
    if note is not None and note.exists():
        sentence = note.read_text(encoding="utf-8")
        raise ConfigError(sentence)
    try:
        yield
    except ConfigError as error:
        if note is not None:
            note.write_text(error.message, encoding="utf-8")
            _logger.warning("Another try of this task would end in the same way, so it ends at once on this executor.")
        raise


def _note() -> Path | None:
    """Names the file for the error of the task that runs; None outside of Spark's tasks."""
    from pyspark import SparkFiles, TaskContext  # noqa: PLC0415 - a worker has it already

    context = TaskContext.get()
    if context is None:
        return None
    return Path(SparkFiles.getRootDirectory()) / f"amplitude-error-{context.stageId()}-{context.partitionId()}"
