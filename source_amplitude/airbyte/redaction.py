"""What never gets into a line: query strings, bodies and headers, which libraries log and put into their exceptions."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from airbyte_cdk.logger import AirbyteLogFormatter

from source_amplitude.airbyte.errors import has_user_message

# What a destination or the next sync needs exactly as it is.
_DATA = ('{"type":"RECORD"', '{"type":"STATE"', '{"type":"CATALOG"', '{"type":"SPEC"')
_IN_JSON = r'(?:[^"\\]|\\.)'  # a character of a JSON string
_QUERY = re.compile(r'(/[^\s"\\?]*)\?(?:[^\s"\\]|\\["\\/bfu])+')
_PASSWORD = re.compile(r"(://)[^\s\"\\/?#@]+@")
# https://github.com/airbytehq/airbyte-python-cdk: http_client.py and rate_limiting.py
_CONTENT = re.compile(rf"((?:Request|Response) \((?:body|headers)\)|Response Content): {_IN_JSON}*", re.DOTALL)
_CDK_COUNT = re.compile(r"Read \d+ records from \w+ stream")
_CONTENT_ATTRIBUTES = {"headers", "request_body", "body"}


def redacted(line: str) -> str:
    """A line of output without query strings, passwords in addresses, and the content of requests and answers.

    Records, states, catalogs and the specification are left as they are.
    """
    if line.startswith(_DATA):
        return line
    line = _QUERY.sub(r"\1?****", line)
    line = _PASSWORD.sub(r"\1****@", line)
    return _CONTENT.sub(r"\1: ****", line)


class Formatter(AirbyteLogFormatter):
    """The CDK's lines, without the headers and bodies that it attaches to its debug lines.

    The traceback of what is no bug is left out too: a sentence says what is wrong.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class names it so
        return "" if has_user_message(ei[1]) else super().formatException(ei)

    @staticmethod
    def extract_extra_args_from_record(record: logging.LogRecord) -> Mapping[str, str]:
        extra = AirbyteLogFormatter.extract_extra_args_from_record(record)
        return {name: value for name, value in extra.items() if name not in _CONTENT_ATTRIBUTES}


def is_logged(record: logging.LogRecord) -> bool:
    """Whether a log record is true for this connector.

    The CDK counts batches where it says records, and its retry library says "Giving up" of what is tried again.
    """
    message = str(record.msg)
    # Told once more by the error that ends the process, in our words.
    is_summary = message.startswith("During the sync, the following streams") and record.levelno == logging.INFO
    return _CDK_COUNT.fullmatch(message) is None and not is_summary and record.name != "backoff"
