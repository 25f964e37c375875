"""Where versions of Spark differ.

Since 4.2 a stream's reader is told where a micro-batch begins and how much of what is available to read. Before, a
micro-batch is all that is available.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_LIMITS = "pyspark.sql.streaming.datasource"
_limits: Any = import_module(_LIMITS) if find_spec(_LIMITS) else None
TELLS_LIMITS = _limits is not None

# A base class of readers that keep to what was available when a query with the trigger `availableNow` began.
SupportsTriggerAvailableNow: Any = _limits.SupportsTriggerAvailableNow if _limits else object


def reads_everything(limit: Any) -> bool:
    """Whether all that is available is asked for, as the trigger `once` does, and as Spark before 4.2 always does."""
    return limit is None or isinstance(limit, _limits.ReadAllAvailable)


def most_archives(number: int) -> Any:
    """A limit that Spark hands back to `latestOffset` since 4.2. Of the kinds it knows, one on files comes nearest."""
    return _limits.ReadMaxFiles(number)


def everything() -> Any:
    """The limit that asks for all that is available."""
    return _limits.ReadAllAvailable()
