"""The HTTP server around the simulated project: authentication, limits, faults, and a log of what was asked."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from amplitude_simulator.export import Answer, export, is_authorized, parse_range
from amplitude_simulator.faults import Fault
from amplitude_simulator.profiles import PROFILE_PATH, Profiles
from amplitude_simulator.project import Project

CONCURRENT_REQUESTS = 5
SEND_BYTES = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Request:
    """One line of the log: what was asked, when, how many at once, and what became of it."""

    path: str
    params: dict[str, str]
    at: float
    in_flight: int
    authorization: str | None = None
    status: int | None = None
    fault: Fault | None = None
    bytes_sent: int = 0


class Simulator:
    """Runs while its `with` block does.

    :param now: the time of day at Amplitude, which stands still and may be set; None: the real one
    :param tls: speak HTTPS with this certificate
    :param cache_archives: keep whole answers in memory and send them again, for benchmarks of hours that are published
    """

    def __init__(
        self,
        project: Project,
        now: datetime | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        *,
        cache_archives: bool = False,
    ) -> None:
        self.project = project
        self.profiles = Profiles(project)
        self.log: list[Request] = []
        self.profile_log: list[Request] = []
        self.faults: list[Fault] = []
        self.most_concurrent = 0
        self._now = now
        self._cached: dict[tuple[datetime, datetime], Answer] | None = {} if cache_archives else None
        self._struck: dict[int, int] = {}
        self._in_flight = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.simulator = self
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def now(self) -> datetime:
        return self._now or datetime.now(timezone.utc)

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = moment

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that send a connector here: the two regions have two addresses."""
        return {"AMPLITUDE_API_URL": f"{self.url}/{{region}}", "AMPLITUDE_PROFILE_API_URL": f"{self.url}/us"}

    def serve(self, project: Project, now: datetime | None) -> None:
        """Be another project at another time of day, without faults, at the same address."""
        self.project, self._now = project, now
        self.profiles = Profiles(project)
        self.faults.clear()
        self._struck.clear()
        self.clear_log()

    def clear_log(self) -> None:
        self.log.clear()
        self.profile_log.clear()
        self.most_concurrent = 0

    def __enter__(self) -> "Simulator":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulator", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def begin(self, path: str, params: dict[str, str], authorization: str | None) -> Request:
        with self._lock:
            if path.endswith(PROFILE_PATH):
                request = Request(path, params, time.monotonic(), 0, authorization)
                self.profile_log.append(request)
                return request
            self._in_flight += 1
            self.most_concurrent = max(self.most_concurrent, self._in_flight)
            request = Request(path, params, time.monotonic(), self._in_flight, authorization)
            self.log.append(request)
            return request

    def end(self, request: Request) -> None:
        with self._lock:
            self._in_flight -= 1 if request.in_flight else 0

    def faults_for(self, strikes: Callable[[Fault], bool]) -> list[Fault]:
        """The faults that strike a request now, each counted."""
        with self._lock:
            found = []
            for fault in self.faults:
                struck = self._struck.get(id(fault), 0)
                if strikes(fault) and (fault.times is None or struck < fault.times):
                    self._struck[id(fault)] = struck + 1
                    found.append(fault)
            return found

    def export(self, first: datetime, last: datetime, fault: Fault | None) -> Answer:
        if self._cached is None or fault is not None:
            return export(self.project, first, last, self.now, fault)
        if (first, last) not in self._cached:
            answer = export(self.project, first, last, self.now)
            whole = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
            self._cached[first, last] = replace(answer, body=whole)
        return self._cached[first, last]

    def hang(self, client: socket.socket) -> None:
        """Say nothing until the client hangs up."""
        while not self._closing.is_set() and not select.select([client], [], [], 0.02)[0]:
            pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    simulator: Simulator

    def shutdown_request(self, request: Any) -> None:
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == RESET_ON_CLOSE:
            self.close_request(request)  # a farewell would turn the reset into an ordinary end
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up, and that is their right."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        simulator = self.server.simulator
        address = urlsplit(self.path)
        request = simulator.begin(address.path, dict(parse_qsl(address.query)), self.headers.get("Authorization"))
        self._ended = False
        try:
            answer = self._answer(request)
            if answer is not None:
                self._send(request, answer)
        except OSError:  # the client hung up
            self.close_connection = True
        finally:
            self._end(request)

    def _end(self, request: Request) -> None:
        if not self._ended:
            self._ended = True
            self.server.simulator.end(request)

    def _answer(self, request: Request) -> Answer | None:
        simulator, project = self.server.simulator, self.server.simulator.project
        region, path = _region_and_path(request.path, project.region)
        if path == PROFILE_PATH and region == "US":
            return self._profile(request)
        if path != "/api/2/export":
            return Answer(404, b"Not Found")
        if request.in_flight > CONCURRENT_REQUESTS:
            return Answer(429, b"Too many concurrent requests")
        if region != project.region:
            return Answer(403, b"Forbidden")
        if not is_authorized(project, self.headers.get("Authorization")):
            return Answer(401, b"Invalid API key or secret key")
        hours = parse_range(request.params)
        if hours is None:
            return Answer(400, b"Invalid start or end")
        first, last = hours
        self._strike(request, lambda fault: fault.strikes(first, last))
        return self._with_fault(request, lambda fault: simulator.export(first, last, fault))

    def _profile(self, request: Request) -> Answer | None:
        simulator = self.server.simulator
        self._strike(request, lambda fault: fault.strikes_user(request.params))
        return self._with_fault(
            request, lambda _: simulator.profiles.answer(request.params, self.headers.get("Authorization"), request.at)
        )

    def _strike(self, request: Request, strikes: Callable[[Fault], bool]) -> None:
        for fault in self.server.simulator.faults_for(strikes):
            if fault.kind == "latency":
                time.sleep(fault.seconds)
            elif request.fault is None:
                request.fault = fault

    def _with_fault(self, request: Request, answer: Callable[[Fault | None], Answer]) -> Answer | None:
        simulator, fault = self.server.simulator, request.fault
        kind = fault.kind if fault is not None else ""
        if kind == "hang":
            simulator.hang(self.connection)
        if kind in ("hang", "reset"):
            self._reset()
            return None
        if kind == "status" and fault is not None:
            return Answer(fault.status, fault.body, dict(fault.headers))
        if kind == "html":
            return Answer(
                200, b"<!DOCTYPE html><html><body>Just a moment...</body></html>", {"Content-Type": "text/html"}
            )
        if kind == "text":
            return Answer(200, b"Exceeded concurrent limit for this project", {"Content-Type": "text/plain"})
        return answer(fault)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close_connection = True

    def _send(self, request: Request, answer: Answer) -> None:
        request.status = answer.status
        fault = request.fault if answer.status == 200 else None
        if fault is not None and isinstance(answer.body, bytes):
            self._send_with_fault(request, answer, answer.body, fault)
        elif isinstance(answer.body, bytes):
            self._head(answer, len(answer.body))
            self._write(request, answer.body, last=True)
        else:
            self._head(answer, None)
            self._write_chunked(request, answer.body)

    def _send_with_fault(self, request: Request, answer: Answer, body: bytes, fault: Fault) -> None:
        if fault.kind == "truncate_quietly":
            self._send(request, replace(answer, body=iter([body[: fault.place_in(len(body))]])))
            return
        self._head(answer, len(body))
        if fault.kind in ("truncate", "reset_body"):
            self._write(request, body[: fault.place_in(len(body))], last=True)
            self.close_connection = True
            if fault.kind == "reset_body":
                time.sleep(0.05)  # or the reset overtakes what was sent
                self._reset()
        elif fault.kind == "slow_body":
            for byte in body:
                self._write(request, bytes([byte]))
                time.sleep(1 / fault.bytes_per_second)
        else:
            self._write(request, body, last=True)

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
                self._end(request)  # before the client can see the end, and ask for more
            self.wfile.write(data[start : start + SEND_BYTES])
            request.bytes_sent += len(data[start : start + SEND_BYTES])

    def _write_chunked(self, request: Request, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            if chunk:
                self._write(request, b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self._end(request)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silence: the simulator keeps a log of its own."""


def _region_and_path(path: str, default: str) -> tuple[str, str]:
    for region in ("US", "EU"):
        prefix = f"/{region.lower()}"
        if path.startswith(prefix + "/"):
            return region, path.removeprefix(prefix)
    return default, path
