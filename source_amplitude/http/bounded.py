"""Connections on which an answer has a total time, beside the time that each of its bytes may take.

Without one a server that sends a byte now and then, of a header, of trailers, or `100 Continue` again and again, holds
a thread for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class BoundedAdapter(HTTPAdapter):
    """Sends requests of which the head of the answer comes within the read timeout, and all of it within a time.

    :param answer_seconds: for a whole answer
    :param connections: how many are kept open
    """

    def __init__(self, answer_seconds: float, connections: int) -> None:
        self._answer_seconds = answer_seconds
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._answer_seconds)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _pools(self._answer_seconds)
        return manager


def _pools(answer_seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Makes the two kinds of pools, with connections whose answers are bounded."""
    # A `partial` by itself becomes a method of the class in newer versions of Python.
    kind = {"response_class": staticmethod(partial(_BoundedResponse, answer_seconds=answer_seconds))}
    kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
    return {
        scheme: type("BoundedPool", (pool,), {"ConnectionCls": type("BoundedConnection", (connection,), kind)})
        for scheme, (pool, connection) in kinds.items()
    }


class _BoundedResponse(http.client.HTTPResponse):
    """Reads each part of an answer against the clock."""

    def __init__(self, sock: socket.socket, *args: Any, answer_seconds: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._bounded = _BoundedSocket(sock, answer_seconds)
        self.fp.close()
        self.fp = io.BufferedReader(self._bounded)

    def begin(self) -> None:
        super().begin()
        self._bounded.head_has_come()


class _BoundedSocket(io.RawIOBase):
    """Reads from a socket; the head of an answer within the socket's timeout, the rest within a total time.

    :raises TimeoutError: from `readinto`
    """

    def __init__(self, sock: socket.socket, answer_seconds: float) -> None:
        super().__init__()
        self._socket = sock
        self._file = sock.makefile("rb", buffering=0)
        self._silence = sock.gettimeout()
        self._answer_ends_at = time.monotonic() + answer_seconds
        self._ends_at = self._answer_ends_at if self._silence is None else time.monotonic() + self._silence

    def head_has_come(self) -> None:
        """Counts the whole answer's time from now on."""
        self._ends_at = self._answer_ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._socket.settimeout(left if self._silence is None else min(left, self._silence))
        return self._file.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
