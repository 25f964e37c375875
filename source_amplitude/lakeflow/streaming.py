"""Where versions of Spark differ: since 4.2 a stream's reader is told where a micro-batch begins and how much to read."""

from __future__ import annotations

from typing import Any

try:
    from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadMaxFiles, SupportsTriggerAvailableNow
except ImportError:  # before 4.2

    class SupportsTriggerAvailableNow:  # type: ignore[no-redef]
        """Earlier versions make one micro-batch of all that is available."""

    def reads_everything(limit: Any) -> bool:
        return True

    def most_archives(number: int) -> Any:
        raise AssertionError("versions of Spark without read limits do not ask for one")

else:

    def reads_everything(limit: Any) -> bool:
        """Whether Spark asks for all that is available, as its trigger `once` does."""
        return isinstance(limit, ReadAllAvailable)

    def most_archives(number: int) -> Any:
        """A limit that Spark hands back to `latestOffset`; of the kinds it knows, one on files comes nearest."""
        return ReadMaxFiles(number)


__all__ = ["SupportsTriggerAvailableNow", "most_archives", "reads_everything"]
