"""Hides the keys in what Spark shows: options of plans, statements of SQL, and requests of Spark Connect.

It hides there what its session's configuration says. It hides `secret_key` by itself where it is an option of a plan.
"""

from __future__ import annotations

import logging

from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.sql import SparkSession

REDACTED = {
    # The names of options.
    "spark.sql.redaction.options.regex": "(?i)api_?key",
    # Texts: a key in quotes after its name, as in SQL and in the requests of Spark Connect. Without a backslash, of
    # which a file of properties would need two.
    "spark.sql.redaction.string.regex": (
        """(?i)(?:api|secret)_?key[^a-z0-9_]+(?:value[^a-z0-9_]+)?(?<=["'])[!#-&(-~]+"""
    ),
}

_logger = logging.getLogger("source_amplitude.lakeflow")


def hide_keys() -> None:
    """Hides the keys in what the active session shows, if there is one (a worker has none), and in py4j's log.

    At DEBUG, py4j logs all that Python tells the JVM, options too: a root logger at DEBUG does not reach it any more.
    """
    commands = logging.getLogger("py4j")
    if commands.level == logging.NOTSET:
        commands.setLevel(logging.INFO)
    try:
        session = SparkSession.active()
    except PySparkRuntimeError:
        return
    try:
        for name, keys in REDACTED.items():
            redacted = session.conf.get(name)  # with Spark's own defaults
            if keys not in (redacted or ""):
                session.conf.set(name, f"{redacted}|{keys}" if redacted else keys)
    except PySparkException:  # a platform that lets its sessions set few options
        _logger.warning(
            "This Spark session does not allow to set what hides the keys in its plans and statements: "
            "do not give api_key and secret_key as options here, but as docs/spark.md says under Keys."
        )
