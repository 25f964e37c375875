"""The HTTP server around the simulated project: authentication, limits, faults, and a log of what was asked."""

import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from amplitude_simulator.export import Answer, export, is_authorized, parse_range
from amplitude_simulator.faults import DELAYING_KINDS, Fault, FaultNotAppliedError
from amplitude_simulator.profiles import PROFILE_PATH, Profiles
from amplitude_simulator.project import Project
from amplitude_simulator.request import Request
from amplitude_simulator.rest.api import Rest
from amplitude_simulator.rest.limits import cost_of
from amplitude_simulator.rest.storage import Storage
from amplitude_simulator.sending import RESET_ON_CLOSE, Sender

CONCURRENT_REQUESTS = 5
GATHER_SECONDS = 100.0  # for ever: after that it fails
EXPORT_PATH = "/api/2/export"


class Simulator:
    """Runs while its `with` block does.

    `date` is what its answers have as their `Date`, by default the time of day; without one where it is None.

    :param now: the time of day at Amplitude, which stands still and may be set; None: the real one
    :param tls: speak HTTPS with this certificate
    :param cache_archives: keep whole answers in memory and send them again, for benchmarks of hours that are published

    Connections to `regions_away` are reset. What went wrong in the simulator itself is in `errors`; the first of them,
    or the first of its `faults` that changed no answer, is raised at the end of the `with` block.
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
        self.rest = Rest(project, lambda: self.now, Storage())
        self.log: list[Request] = []
        self.profile_log: list[Request] = []
        self.rest_log: list[Request] = []
        self.faults: list[Fault] = []
        self.errors: list[Exception] = []
        self.regions_away: set[str] = set()
        self.most_concurrent = 0
        self.date: Callable[[], datetime | None] = lambda: self.now
        self._now = now
        self._cached: dict[tuple[datetime, datetime], Answer] | None = {} if cache_archives else None
        self._strikes: dict[int, _Strikes] = {}
        self._faults_may_miss = False
        self._barriers: dict[int, threading.Barrier] = {}
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
        """Be another project at another time of day, without faults, at the same address.

        :raises FaultNotAppliedError: one of the faults so far changed no answer
        """
        self.require_applied_faults()
        self.project, self._now = project, now
        self.profiles = Profiles(project)
        self.rest = Rest(project, lambda: self.now, self.rest.storage)
        self.faults.clear()
        self._strikes.clear()
        self._barriers.clear()
        self.clear_log()

    def clear_log(self) -> None:
        self.log.clear()
        self.profile_log.clear()
        self.rest_log.clear()
        self.rest.storage.log.clear()
        self.most_concurrent = 0

    def __enter__(self) -> "Simulator":
        self.rest.storage.start()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulator", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self.rest.storage.stop()
        if error is None:
            self.require_applied_faults()

    def require_applied_faults(self) -> None:
        """Raise the first thing that went wrong in the simulator itself, such as a fault that met no request.

        :raises FaultNotAppliedError: one of the faults changed no answer
        """
        with self._lock:
            errors = [*self.errors]
            if not self._faults_may_miss:
                missed = [strikes.fault for strikes in self._strikes.values() if not strikes.number]
                unmet = [fault for fault in self.faults if id(fault) not in self._strikes]
                errors += [FaultNotAppliedError(f"{fault.kind} met no answer with 200") for fault in missed]
                errors += [FaultNotAppliedError(f"{fault.kind} met no request") for fault in unmet]
        if errors:
            raise errors[0]

    def begin(self, path: str, query: str, authorization: str | None) -> Request:
        request = Request(path, dict(parse_qsl(query)), time.monotonic(), 0, authorization, query=query)
        with self._lock:
            if path.endswith(PROFILE_PATH):
                self.profile_log.append(request)
                return request
            self._in_flight += 1
            request.in_flight = self._in_flight
            self.most_concurrent = max(self.most_concurrent, self._in_flight)
            if path.endswith(EXPORT_PATH):
                self.log.append(request)
            else:
                request.cost = cost_of(_region_and_path(path, "")[1], request.params)
                self.rest_log.append(request)
            return request

    def end(self, request: Request) -> None:
        with self._lock:
            self._in_flight -= 1 if request.in_flight else 0

    def faults_for(self, strikes: Callable[[Fault], bool]) -> list[Fault]:
        """The faults that strike a request now, each counted: at most one of each kind of delay, and one other."""
        with self._lock:
            found: list[Fault] = []
            for fault in self.faults:
                past = self._strikes.get(id(fault), _Strikes(fault))
                is_second = _slot(fault) in map(_slot, found)
                if strikes(fault) and not is_second and (fault.times is None or past.number < fault.times):
                    past.number += 1
                    self._strikes[id(fault)] = past
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

    def missed(self, fault: Fault) -> None:
        """Take a strike back: the answer had no body for the fault, which strikes another one instead."""
        with self._lock:
            self._strikes[id(fault)].number -= 1

    def allow_missed_faults(self) -> None:
        """Raise nothing for faults that changed no answer: they were chosen by chance."""
        self._faults_may_miss = True

    def gather(self, fault: Fault) -> None:
        """:raises threading.BrokenBarrierError: fewer requests came than are to be under way together"""
        with self._lock:
            barrier = self._barriers.setdefault(id(fault), threading.Barrier(fault.requests, timeout=GATHER_SECONDS))
        barrier.wait()

    def hang(self, client: socket.socket) -> None:
        """Say nothing until the client hangs up."""
        while not self._closing.is_set() and not select.select([client], [], [], 0.02)[0]:
            pass


@dataclass
class _Strikes:
    """How often a fault has struck; it is kept here, so that no other fault gets its `id`."""

    fault: Fault
    number: int = 0


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
        """Clients hang up, and that is their right; anything else is ours, and raised when the simulator stops."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.simulator.errors.append(error)


class _Handler(Sender, BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        simulator = self.server.simulator
        address = urlsplit(self.path)
        request = simulator.begin(address.path, address.query, self.headers.get("Authorization"))
        self._ended = False
        try:
            answer = self._answer(request)
            if answer is not None:
                self._send(request, answer)
        except OSError:  # the client hung up
            self.close_connection = True
        finally:
            self.sent(request)

    def do_HEAD(self) -> None:
        """As Amplitude answers without keys; in no log, since no data is asked for."""
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Date":
            moment = self.server.simulator.date()
            if moment is None:
                return
            value = format_datetime(moment.astimezone(timezone.utc), usegmt=True)
        super().send_header(keyword, value)

    def sent(self, request: Request) -> None:
        if not self._ended:
            self._ended = True
            self.server.simulator.end(request)

    def missed(self, fault: Fault) -> None:
        self.server.simulator.missed(fault)

    def _answer(self, request: Request) -> Answer | None:
        simulator, project = self.server.simulator, self.server.simulator.project
        region, path = _region_and_path(request.path, project.region)
        if region in simulator.regions_away:
            self._reset()
            return None
        if path == PROFILE_PATH and region == "US":
            return self._profile(request)
        if path != EXPORT_PATH:
            return self._rest(request, path, is_in_region=region == project.region)
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

    def _rest(self, request: Request, path: str, *, is_in_region: bool) -> Answer | None:
        self._strike(request, lambda fault: fault.strikes_path(path, request.params))
        too_many = request.in_flight > CONCURRENT_REQUESTS
        return self._with_fault(
            request,
            lambda _: self.server.simulator.rest.answer(
                path, request.query, request.authorization, request.at, is_in_region=is_in_region, too_many=too_many
            ),
        )

    def _strike(self, request: Request, strikes: Callable[[Fault], bool]) -> None:
        for fault in self.server.simulator.faults_for(strikes):
            if fault.kind == "latency":
                time.sleep(fault.seconds)
            elif fault.kind == "gather":
                self.server.simulator.gather(fault)
            else:
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


def _slot(fault: Fault) -> str:
    return fault.kind if fault.kind in DELAYING_KINDS else "other"


def _region_and_path(path: str, default: str) -> tuple[str, str]:
    for region in ("US", "EU"):
        prefix = f"/{region.lower()}"
        if path.startswith(prefix + "/"):
            return region, path.removeprefix(prefix)
    return default, path
