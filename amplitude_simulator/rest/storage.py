"""The storage that large files are redirected to: another host, with addresses that are valid for a minute."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class StorageRequest:
    """One line of the log: which object, with which Authorization header, and what became of it."""

    name: str
    authorization: str | None
    status: int


@dataclass(frozen=True)
class _Stored:
    body: Callable[[], Iterator[bytes]]
    headers: dict[str, str]
    valid_until: float


class Storage:
    """Runs from `start` to `stop`. Like S3 it refuses a request that is signed in its address and by a header."""

    def __init__(self) -> None:
        self.log: list[StorageRequest] = []
        self._objects: dict[str, _Stored] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.storage = self  # type: ignore[attr-defined]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="storage", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def address_of(self, body: Callable[[], Iterator[bytes]], headers: dict[str, str], seconds: float) -> str:
        """Store an object, and sign an address for it that is valid for so long."""
        name = secrets.token_hex(8)
        self._objects[name] = _Stored(body, headers, time.monotonic() + seconds)
        # By name, where the API is known by its number: another host to any client.
        return f"http://localhost:{self._server.server_address[1]}/{name}?X-Amz-Signature={secrets.token_hex(16)}"

    def stored(self, name: str) -> _Stored | None:
        return self._objects.get(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        storage: Storage = self.server.storage  # type: ignore[attr-defined]
        name = self.path.partition("?")[0].strip("/")
        authorization = self.headers.get("Authorization")
        stored = storage.stored(name)
        if authorization is not None:
            status = 400
        elif stored is None:
            status = 404
        else:
            status = 200 if time.monotonic() < stored.valid_until else 403
        storage.log.append(StorageRequest(name, authorization, status))
        if status != 200 or stored is None:
            self._send(status, {"Content-Type": "application/xml"}, iter([b"<Error><Code>AccessDenied</Code></Error>"]))
        else:
            self._send(status, stored.headers, stored.body())

    def _send(self, status: int, headers: dict[str, str], chunks: Iterator[bytes]) -> None:
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for chunk in filter(None, chunks):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:  # the client hung up
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silence: the storage keeps a log of its own."""
