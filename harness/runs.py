"""Runs syncs through the real command line, as a subprocess, and reads what they print."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, quote_plus

import msgspec

from amplitude_simulator import Simulator
from harness.limits import STUCK_SECONDS, Limit, scaled
from harness.schemas import discovered
from harness.warm import WarmProcess
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.user_profiles.fetch import MADE_UP_USER

State = dict[str, Any]
_decode_fast = msgspec.json.Decoder().decode
LOOK_SECONDS = 0.02  # between two looks at the memory and the files of a process that runs
INCREMENTAL_STREAMS = {"events", *(endpoint.name for endpoint in ENDPOINTS if endpoint.cursor_field)}


@dataclass
class Outcome:
    """What one run of the command printed, and how it ended."""

    exit_code: int
    lines: list[str]
    stderr: str
    peak_rss_bytes: int
    seconds: float
    messages: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.messages = [of_json(line) for line in self.lines]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str = "events") -> list[dict[str, Any]]:
        found = (message["record"] for message in self.of_type("RECORD"))
        return [record["data"] for record in found if record["stream"] == stream]

    @property
    def uuids(self) -> list[str]:
        return [record["uuid"] for record in self.records()]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [message["state"] for message in self.of_type("STATE")]

    @property
    def cursors(self) -> list[str | None]:
        return [state["stream"]["stream_state"].get("server_upload_time") for state in self.states]

    @property
    def last_state(self) -> list[State] | None:
        """The content of a state file that continues this sync; None when no state was printed."""
        newest: dict[str, State] = {}
        for state in self.states:
            newest[state["stream"]["stream_descriptor"]["name"]] = {"type": "STREAM", "stream": state["stream"]}
        return list(newest.values()) or None

    @property
    def errors(self) -> list[dict[str, Any]]:
        traces = (message["trace"] for message in self.of_type("TRACE"))
        return [trace["error"] for trace in traces if trace["type"] == "ERROR"]

    @property
    def stream_error(self) -> dict[str, Any]:
        """The one error that names a stream."""
        [error] = [error for error in self.errors if error.get("stream_descriptor")]
        return error

    @property
    def statuses(self) -> list[tuple[str, str]]:
        traces = (message["trace"] for message in self.of_type("TRACE"))
        found = (trace["stream_status"] for trace in traces if trace["type"] == "STREAM_STATUS")
        return [(status["stream_descriptor"]["name"], status["status"]) for status in found]

    @property
    def log(self) -> str:
        return "\n".join(message["log"]["message"] for message in self.of_type("LOG"))

    @property
    def everything(self) -> str:
        return "\n".join(self.lines) + self.stderr


def of_json(line: str) -> Any:
    """What `json.loads` makes of a line, in a quarter of the time."""
    try:
        return _decode_fast(line)
    except msgspec.DecodeError:  # such as half of a surrogate pair, which only Python takes
        return json.loads(line)


def uuids_before_each_state(outcome: Outcome) -> list[tuple[str | None, set[str]]]:
    """For each state in order: the cursor, and the uuids of all records printed before it."""
    found: list[tuple[str | None, set[str]]] = []
    seen: set[str] = set()
    for message in outcome.messages:
        if message["type"] == "RECORD":
            seen.add(message["record"]["data"]["uuid"])
        elif message["type"] == "STATE":
            found.append((message["state"]["stream"]["stream_state"].get("server_upload_time"), set(seen)))
    return found


def a_config(simulator: Simulator, **changes: Any) -> dict[str, Any]:
    """A configuration with the simulator's keys; a change to None removes a field."""
    config = {
        "api_key": simulator.project.api_key,
        "secret_key": simulator.project.secret_key,
        "region": simulator.project.region,
        "start_date": f"{simulator.project.first_hour:%Y-%m-%dT%H:%M:%SZ}",
        **changes,
    }
    return {key: value for key, value in config.items() if value is not None}


def a_catalog(*streams: str, sync_mode: str = "incremental") -> dict[str, Any]:
    return {"streams": [_configured(stream, sync_mode) for stream in streams or ("events",)]}


def _configured(stream: str, sync_mode: str) -> dict[str, Any]:
    incremental = stream in INCREMENTAL_STREAMS
    return {
        "stream": {
            "name": stream,
            "json_schema": {"type": "object", "properties": {}},
            "supported_sync_modes": ["full_refresh", "incremental"] if incremental else ["full_refresh"],
        },
        "sync_mode": sync_mode if incremental else "full_refresh",
        "destination_sync_mode": "append",
    }


class Command:
    """The `source-amplitude` command against a simulator.

    `warm`, as it is by default, forks each run from a process that has imported the CDK: that saves a second of a
    processor, and nothing else differs. `prefix` is a program that runs it, in a new process. `named_files` are
    the files that were seen in its temporary folder while it ran, with the most bytes that each had.
    """

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.folder = folder
        self.temporary_files = folder / "tmp"
        self.temporary_files.mkdir(exist_ok=True)
        self.environment: dict[str, str] = {}
        self.prefix: list[str] = []
        self.warm = True
        self.named_files: dict[str, int] = {}

    def read(
        self,
        config: Mapping[str, Any] | None = None,
        state: list[State] | None = None,
        catalog: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Outcome:
        return self.run("read", *self.read_arguments(config, state, catalog), **options)

    def read_arguments(
        self,
        config: Mapping[str, Any] | None = None,
        state: list[State] | None = None,
        catalog: Mapping[str, Any] | None = None,
    ) -> list[str]:
        arguments = ["--config", self.file("config.json", config or a_config(self.simulator))]
        arguments += ["--catalog", self.file("catalog.json", catalog or a_catalog())]
        return arguments + (["--state", self.file("state.json", state)] if state is not None else [])

    def file(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def start(
        self,
        *arguments: str,
        at: datetime | None = None,
        settings: Mapping[str, Any] | None = None,
        stdout: int | IO[Any] = subprocess.PIPE,
        stderr: int | IO[Any] = subprocess.PIPE,
        **popen: Any,
    ) -> "subprocess.Popen[str] | WarmProcess":
        """Start the command and return at once.

        :param at: the time of day of its clock; by default the simulator's
        :param settings: constants of the package to replace, such as {"http.retry.MAX_TRIES": 2}
        :param popen: other options of `subprocess.Popen`, which a new process has and a warm one has not
        """
        command = ["--at", f"{at or self.simulator.now:%Y-%m-%dT%H:%M:%SZ}"]
        for name, value in {**IMPATIENT, **(settings or {})}.items():
            command += ["--set", f"{name}={json.dumps(value)}"]
        environment = {
            **os.environ,
            **self.simulator.environment,
            "TMPDIR": str(self.temporary_files),
            **self.environment,
        }
        if self.warm and not self.prefix and not popen:
            return WarmProcess([*command, "--", *arguments], environment, stdout, stderr)
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "harness.command", *command, "--", *arguments],
            env=environment,
            stdout=stdout,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            **popen,
        )

    def run(
        self, *arguments: str, limit_seconds: float = 200, kill_after: "KillAfter | None" = None, **options: Any
    ) -> Outcome:
        started = time.monotonic()
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as out,
            tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        ):
            process = self.start(*arguments, stdout=out, stderr=err, **options)
            if kill_after is not None:
                while not kill_after.once() and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(kill_after.seconds)
                process.send_signal(kill_after.signal)
            exit_code, peak = self._wait_for(process, Limit(limit_seconds))
            out.seek(0)
            err.seek(0)
            lines = out.read().split("\n")
            if lines[-1] and exit_code == -signal.SIGKILL:
                lines[-1] = ""  # SIGKILL may cut the line that was being written
            whole = [line for line in lines if line]
            outcome = Outcome(exit_code, whole, err.read(), peak, time.monotonic() - started)
            self.assert_no_secret(outcome, self._user_ids(arguments))
            assert_records_fit(outcome, arguments)
            return outcome

    def _wait_for(self, process: "subprocess.Popen[str] | WarmProcess", limit: Limit) -> tuple[int, int]:
        """Waits until a process ends, and returns its exit code and the most memory that it had, in bytes."""
        peak = 0
        while True:
            peak = max(peak, peak_rss_bytes(process.pid))
            self._look_at_temporary_files()
            try:
                return process.wait(LOOK_SECONDS), peak
            except subprocess.TimeoutExpired:
                try:
                    limit.require_time_left("the command to end")
                except TimeoutError:
                    process.kill()
                    raise

    def _look_at_temporary_files(self) -> None:
        for folder, _, names in os.walk(self.temporary_files):
            for name in names:
                with suppress(FileNotFoundError):  # it has just been removed
                    size = Path(folder, name).stat().st_size
                    self.named_files[name] = max(size, self.named_files.get(name, 0))

    def read_with_a_reader_that_goes_away(self, *arguments: str, **options: Any) -> tuple[int, str]:
        """Read until the first record, close the pipe, and return the exit code and what standard error said."""
        process = self.start("read", *arguments, **options)
        assert process.stdout is not None
        assert process.stderr is not None
        while '"RECORD"' not in process.stdout.readline():
            pass
        process.stdout.close()
        return process.wait(scaled(STUCK_SECONDS)), process.stderr.read()

    def assert_no_secret(self, outcome: Outcome, user_ids: Iterable[str] = ()) -> None:
        """No key in any output, and no user's id or data outside of records. Checked after every run of every test."""
        project = self.simulator.project
        pair = base64.b64encode(f"{project.api_key}:{project.secret_key}".encode()).decode()
        for secret in (project.api_key, project.secret_key, pair):
            assert secret not in outcome.everything, "a key was printed"
        lines = [*outcome.lines, *outcome.stderr.splitlines()]
        # The form is the same for everybody, and its examples look like the simulator's users.
        others = "\n".join(line for line in lines if not line.startswith(('{"type":"RECORD"', '{"type":"SPEC"')))
        for mark in USER_DATA:
            assert mark not in others, f"a user's data outside of a record: {mark}"
        for user_id in user_ids:
            for written in {user_id, json.dumps(user_id)[1:-1], quote(user_id, safe=""), quote_plus(user_id)}:
                found = re.search(rf"(?<!\w){re.escape(written)}(?!\w)", others) if written in others else None
                assert not found, f"the id of a user outside of a record: {user_id}"

    def _user_ids(self, arguments: Sequence[str]) -> set[str]:
        """The users and devices that a run was given in its configuration, or has asked for."""
        ids: set[str] = set()
        path = Path(arguments[arguments.index("--config") + 1]) if "--config" in arguments else Path()
        if path.is_file():  # no pipe, nor a device without an end
            with suppress(ValueError, OSError, AttributeError, RecursionError):  # a configuration that is none
                config = json.loads(path.read_bytes())
                users = config.get("user_profiles", {}).get("users", {})
                for entries in (users.get("user_ids"), users.get("device_ids")):
                    if isinstance(entries, list):
                        ids |= {part.strip() for entry in entries for part in str(entry).split(",")}
        for request in self.simulator.profile_log:
            ids |= {request.params[name] for name in ("user_id", "device_id") if name in request.params}
        return ids - {"", MADE_UP_USER.id}


def assert_records_fit(outcome: Outcome, arguments: Sequence[str]) -> None:
    """Every record fits the discovered schema of its stream, and has its key. Checked after every run of every test."""
    if "--config" not in arguments or not outcome.of_type("RECORD"):
        return
    config = json.loads(Path(arguments[arguments.index("--config") + 1]).read_bytes())
    schemas = discovered(config.get("properties_format", "json_string"))
    for line, message in zip(outcome.lines, outcome.messages, strict=True):
        if message["type"] == "RECORD":
            schema = schemas[message["record"]["stream"]]
            schema.check(message["record"]["data"])
            lacking = [key for key in schema.keys if message["record"]["data"].get(key) in (None, "")]
            assert not lacking, f"a record of {message['record']['stream']} without {lacking}"
            if "u0000" in line:
                schema.check_nul(message["record"]["data"])


@dataclass(frozen=True)
class KillAfter:
    """A signal, some seconds after `once` holds."""

    seconds: float
    signal: int = signal.SIGKILL
    once: Callable[[], object] = lambda: True


# Texts that generated events hold and nothing else does.
USER_DATA = ("@example.com", "%40example.com", "-F01A-4BD9-95C6", "SKU-", "checkout-v2", "lifetime value")

# Tests wait for no one; what is measured in minutes for users is measured in tenths of seconds here.
IMPATIENT: dict[str, Any] = {
    "endpoints.cohort_job.POLL_SECONDS": 0.02,
    "http.retry.FIRST_WAIT_SECONDS": 0.02,
    "http.retry.LONGEST_WAIT_SECONDS": 0.2,
    "http.retry.LONGEST_AWAY_SECONDS": 0.5,
    "user_profiles.pacer.WINDOW_SECONDS": 1.0,
    "user_profiles.pacer.FIRST_PAUSE_SECONDS": 0.02,
    "user_profiles.fetch.LONGEST_THROTTLED_PROBE_SECONDS": 0.5,
}


def peak_rss_bytes(pid: int) -> int:
    """The most that a process has had in memory, together with the processes that it has started and that live."""
    process = Path(f"/proc/{pid}")
    try:
        own = [line.split()[1] for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM:")]
        children = (process / f"task/{pid}/children").read_text().split()
        # A child with the same command line is about to become another program, and still shares all of its memory.
        others = [child for child in children if _command_line(int(child)) != _command_line(pid)]
    except OSError:
        return 0
    return sum(map(int, own)) * 1024 + sum(peak_rss_bytes(int(child)) for child in others)


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def union(outcomes: Iterable[Outcome]) -> list[str]:
    return [uuid for outcome in outcomes for uuid in outcome.uuids]
