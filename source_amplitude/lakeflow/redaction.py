"""Spark's plans show the options of a stream. It hides `secret_key` by itself; `api_key` is up to its session."""

from __future__ import annotations

from pyspark.sql import SparkSession

_REDACTED_OPTIONS = "spark.sql.redaction.options.regex"
_API_KEY = "(?i)api_?key"


def hide_api_key() -> None:
    """Tell the session that is active, if any: a worker has none."""
    session = SparkSession.getActiveSession()
    if session is None:
        return
    redacted = session.conf.get(_REDACTED_OPTIONS, "")
    if not redacted or _API_KEY not in redacted:
        session.conf.set(_REDACTED_OPTIONS, f"{redacted}|{_API_KEY}" if redacted else _API_KEY)
