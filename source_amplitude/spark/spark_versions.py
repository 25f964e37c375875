"""Bridges the differences between versions of Spark.

Since 4.2 a stream's reader gets to know where a micro-batch begins and how much of what is available to read. Before, a
micro-batch is all that is available.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_LIMITS = "pyspark.sql.streaming.datasource"
_limits: Any = import_module(_LIMITS) if find_spec(_LIMITS) else None
TELLS_LIMITS = _limits is not None

# Spark 4.0 fails in a stream by its simple reader where columns have comments, since an assertion compares these too.
TAKES_COMMENTS_OF_SIMPLE_READERS = TELLS_LIMITS

# A base class of readers that keep to what was available when a query with the trigger `availableNow` began.
SupportsTriggerAvailableNow: Any = _limits.SupportsTriggerAvailableNow if _limits else object


def reads_everything(limit: Any) -> bool:
    """Tells whether all that is available is requested, as by the trigger `once`, and always before Spark 4.2."""
    return limit is None or isinstance(limit, _limits.ReadAllAvailable)


def read_limit(archives: int | None) -> Any:
    """Makes the limit that Spark hands back to `latestOffset` since 4.2; of its kinds, one on files comes nearest.

    :param archives: how many a micro-batch has at most; None: all that is available
    """
    return _limits.ReadAllAvailable() if archives is None else _limits.ReadMaxFiles(archives)
