"""A simulated Amplitude in a process of its own, and the files that connectors need to read from it."""

import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import Request, urlopen

API_KEY, SECRET_KEY = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
BUILD_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Amplitude:
    """Where it answers, and which hours of it have events.

    The official connector reads until now whatever it is told, so the hours end two days ago and every window after
    them is empty for everybody.
    """

    url: str
    first_hour: datetime
    hours: int

    @property
    def environment(self) -> dict[str, str]:
        return {"AMPLITUDE_API_URL": self.url, "AMPLITUDE_PROFILE_API_URL": self.url}

    def last(self, hours: int) -> "Amplitude":
        """The same, for who reads its last hours only."""
        return Amplitude(self.url, self.first_hour + timedelta(hours=self.hours - hours), hours)

    def windows(self, width_hours: int) -> list[tuple[str, str]]:
        starts = (self.first_hour + timedelta(hours=start) for start in range(0, self.hours, width_hours))
        return [(f"{start:%Y%m%dT%H}", f"{start + timedelta(hours=width_hours - 1):%Y%m%dT%H}") for start in starts]

    def archive(self, start: str, end: str) -> bytes:
        """The archive of a window; the first to ask waits until it is made, later ones get it from memory."""
        credentials = b64encode(f"{API_KEY}:{SECRET_KEY}".encode()).decode()
        request = Request(
            f"{self.url}/api/2/export?start={start}&end={end}", headers={"Authorization": f"Basic {credentials}"}
        )
        with urlopen(request, timeout=BUILD_TIMEOUT_SECONDS) as response:
            return bytes(response.read())


@contextmanager
def an_amplitude(
    *, hours: int, events_per_hour: int, first_hour: datetime | None = None, options: tuple[str, ...] = ()
) -> Iterator[Amplitude]:
    """Start one whose events are in some hours, by default in the last whole days before yesterday.

    :param options: more of the simulator's own, such as ("--latency", "5")
    """
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    first_hour = first_hour or today - timedelta(days=1) - timedelta(days=-(-hours // 24))
    command = [
        sys.executable,
        "-m",
        "amplitude_simulator",
        "--first-hour",
        f"{first_hour:%Y-%m-%dT%H:%M}",
    ]
    command += ["--hours", str(hours), "--events-per-hour", str(events_per_hour), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert address is not None, "the simulator did not start"
        try:
            yield Amplitude(f"{address.group()}/us", first_hour, hours)
        finally:
            process.terminate()


def reading_arguments(folder: Path, amplitude: Amplitude, stream: str = "events", **settings: object) -> list[str]:
    """`read` with a configuration that both connectors understand; `settings` are ours alone."""
    config = {
        "api_key": API_KEY,
        "secret_key": SECRET_KEY,
        "start_date": f"{amplitude.first_hour:%Y-%m-%dT%H:%M:%SZ}",
        "data_region": "Standard Server",
        "request_time_range": 24,
        **settings,
    }
    mode = "incremental" if stream == "events" else "full_refresh"
    described = {"name": stream, "json_schema": {}, "supported_sync_modes": [mode]}
    configured = {"stream": described, "sync_mode": mode, "destination_sync_mode": "append"}
    for name, content in (("config", config), ("catalog", {"streams": [configured]})):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")]
