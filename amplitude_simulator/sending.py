"""How an answer is sent: whole, in chunks, or with a fault on the way."""

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

from amplitude_simulator.export import Answer
from amplitude_simulator.faults import BODY_KINDS, GZIP_KINDS, SENDING_KINDS, Fault
from amplitude_simulator.request import Request

SEND_BYTES = 64 * 1024
SLOW_WRITES_A_SECOND = 100
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Sender(BaseHTTPRequestHandler):
    """Sends answers; `sent` is told before the client can see the end of one, and ask for more."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits for the acknowledgement of its head

    def sent(self, request: Request) -> None:
        """Nothing to do here."""

    def missed(self, fault: Fault) -> None:
        """Nothing to do here."""

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close_connection = True

    def _send(self, request: Request, answer: Answer) -> None:
        """:raises FaultNotAppliedError: the answer has nothing that the fault of the request could change"""
        request.status = answer.status
        fault = request.fault
        if fault is not None and fault.kind in BODY_KINDS and answer.status != 200:
            self.missed(fault)
            request.fault = fault = None
        if fault is not None and fault.kind in SENDING_KINDS:
            self._send_with_fault(request, answer, fault)
            return
        if fault is not None and (fault.kind == "body" or (fault.kind in GZIP_KINDS and fault.api != "export")):
            answer = replace(answer, body=fault.change_body(_whole(answer)))
        if isinstance(answer.body, bytes):
            if not answer.body:
                self.sent(request)
            self._head(answer, len(answer.body))
            self._write(request, answer.body, last=True)
        else:
            self._head(answer, None)
            self._write_chunked(request, answer.body)

    def _send_with_fault(self, request: Request, answer: Answer, fault: Fault) -> None:
        """Send a part of the body, or slowly; the end of one that comes in chunks is not announced, but missing."""
        body = _whole(answer)
        place = fault.place_in(len(body))
        if fault.kind == "truncate_quietly":
            self._head(answer, None)
            self._write_chunked(request, iter([body[:place]]))
            return
        is_chunked = not isinstance(answer.body, bytes)
        self._head(answer, None if is_chunked else len(body))
        if fault.kind == "slow_body":
            size = max(1, fault.bytes_per_second // SLOW_WRITES_A_SECOND)
            for start in range(0, len(body), size):
                part = body[start : start + size]
                self._write(request, _chunk(part) if is_chunked else part)
                time.sleep(size / fault.bytes_per_second)
            if is_chunked:
                self._write_chunked(request, iter(()))
            return
        self._write(request, _chunk(body[:place]) if is_chunked else body[:place], last=True)
        self.close_connection = True
        if fault.kind == "reset_body":
            time.sleep(0.05)  # or the reset overtakes what was sent
            self._reset()

    def _head(self, answer: Answer, size: int | None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if size is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def _write(self, request: Request, data: bytes, *, last: bool = False) -> None:
        for start in range(0, len(data), SEND_BYTES):
            if last and start + SEND_BYTES >= len(data):
                self.sent(request)  # before the client can see the end, and ask for more
            self.wfile.write(data[start : start + SEND_BYTES])
            request.bytes_sent += len(data[start : start + SEND_BYTES])

    def _write_chunked(self, request: Request, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            if chunk:
                self._write(request, _chunk(chunk))
        self.sent(request)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silence: the simulator keeps a log of its own."""


def _whole(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
