"""Keeps what libraries log of this package's requests out of every log: addresses with query strings, and headers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("connection", "connectionpool", "poolmanager", "response", "util.retry")
_of_this_thread = threading.local()


class _OthersOnly(logging.Filter):
    """Lets through what is logged of other requests of the process."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_of_this_thread, "is_quiet", False)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Within it, `urllib3` logs nothing in this thread."""
    _of_this_thread.is_quiet = True
    try:
        yield
    finally:
        _of_this_thread.is_quiet = False


for _name in _LOGGERS:
    logging.getLogger(f"urllib3.{_name}").addFilter(_OthersOnly())
