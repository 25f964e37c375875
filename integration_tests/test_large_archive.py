"""Archives far larger than memory: flat memory, and nothing left on the disk, however it ends."""

import signal
import subprocess
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Simulator
from harness.limits import STUCK_SECONDS, scaled, wait_until
from harness.runs import Command, a_config, peak_rss_bytes
from harness.warm import WarmProcess

GIB = 1024**3
HOUR_20 = datetime(2024, 3, 15, 20, tzinfo=timezone.utc)
PAYLOAD_CHARACTERS = 20_000
EVENTS_IN_2_GIB = 205_000


def a_large_hour(a_simulator: Callable[..., Simulator], events: int) -> Simulator:
    return a_simulator(
        events_per_hour=lambda hour: events if hour == HOUR_20 else 0, payload_characters=PAYLOAD_CHARACTERS
    )


def started(command: Command) -> "subprocess.Popen[str] | WarmProcess":
    config = a_config(command.simulator, start_date="2024-03-15T20:00:00Z")
    return command.start("read", *command.read_arguments(config), stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_given_an_archive_of_2_gib_then_every_event_once_in_less_than_200_mb(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_large_hour(a_simulator, EVENTS_IN_2_GIB)
    command = Command(simulator, tmp_path)
    command.warm = False  # its memory is measured
    process = started(command)
    assert process.stdout is not None
    expected, peak, records = simulator.project.uuids(HOUR_20, HOUR_20), 0, 0
    for line in process.stdout:
        if line.startswith('{"type":"RECORD"'):
            records += 1
            start = line.index('"uuid":"') + 8
            expected.discard(line[start : start + 36])
            if records % 1000 == 0:
                peak = max(peak, peak_rss_bytes(process.pid))
    assert process.wait(scaled(60)) == 0
    [request] = simulator.log
    assert request.bytes_sent > 2 * GIB
    assert (records, len(expected)) == (EVENTS_IN_2_GIB, 0)
    assert 0 < peak < 200e6
    assert list(command.temporary_files.iterdir()) == []
    print(f"archive {request.bytes_sent:,} bytes, peak {peak / 1e6:.0f} MB resident")


@pytest.mark.parametrize(("moment", "events"), [("downloading", 30_000), ("reading", 5_000)])
def test_given_sigterm_then_a_large_archive_is_gone_from_the_disk(
    a_simulator: Callable[..., Simulator], tmp_path: Path, moment: str, events: int
) -> None:
    simulator = a_large_hour(a_simulator, events)  # of 10 KB each in the archive
    command = Command(simulator, tmp_path)
    process = started(command)
    assert process.stdout is not None
    if moment == "reading":
        while '"RECORD"' not in process.stdout.readline():
            pass
    else:
        wait_until(lambda: simulator.log and simulator.log[0].bytes_sent > 20e6, "20 MB of the archive")
    process.send_signal(signal.SIGTERM)
    with process.stdout as out:
        for _ in out:
            pass
    assert process.wait(scaled(STUCK_SECONDS)) == -signal.SIGTERM
    assert list(command.temporary_files.iterdir()) == []
