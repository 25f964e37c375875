"""Removes query strings and passwords, which libraries put into their exceptions, from lines of output."""

from __future__ import annotations

import logging
import re
from typing import Any

from airbyte_cdk.logger import AirbyteLogFormatter

from source_amplitude.airbyte.errors import has_user_message

# What a destination or the next sync needs exactly as it is.
_DATA = ('{"type":"RECORD"', '{"type":"STATE"', '{"type":"CATALOG"', '{"type":"SPEC"')
# Takes each run of characters once, with or without a query string behind it: linear, whatever the line.
_RUN = re.compile(r'([^\s"\\?]+)(\?(?:[^\s"\\]|\\["\\/bfu])+)?')
_PASSWORD = re.compile(r"(://)[^\s\"\\/?#@]+@")
# What the CDK says of batches where it means records, of its memory, and before the sentence of a failed check.
_OF_NO_USE = re.compile(r"Read \d+ records from \w+ stream\Z|MemoryMonitor instantiated|Check failed").match


def redacted(line: str) -> str:
    """Returns a line of output without query strings and passwords in addresses.

    Records, states, catalogs and the specification are left as they are.
    """
    if line.startswith(_DATA):
        return line
    if "?" in line:
        line = _RUN.sub(lambda run: f"{run[1]}?****" if run[2] and "/" in run[1] else run[0], line)
    return _PASSWORD.sub(r"\1****@", line)


class Formatter(AirbyteLogFormatter):
    """Formats log lines as the CDK does, without the traceback of an error that is no bug and has a sentence."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class names it so
        return "" if has_user_message(ei[1]) else super().formatException(ei)


def is_logged(record: logging.LogRecord) -> bool:
    """Decides whether a log record of the CDK is logged: it must be true here, and be logged by nothing else.

    The CDK's retry library says "Giving up" of what is tried again. An error with a sentence for the user has a TRACE
    message: the CDK's log lines of it are left out.
    """
    message = str(record.msg)
    # Repeated by the error that ends the process, in our words.
    is_summary = message.startswith("During the sync, the following streams") and record.levelno == logging.INFO
    has_trace_message = record.exc_info is not None and has_user_message(record.exc_info[1])
    return not (_OF_NO_USE(message) or is_summary or has_trace_message or record.name == "backoff")
