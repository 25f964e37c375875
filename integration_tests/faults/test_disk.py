"""Disks that are full, too small or not there."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import STUCK_SECONDS, scaled
from harness.runs import Command, a_config
from integration_tests.faults.expect import assert_failed, assert_nothing_left, assert_whole

# Without it no download would start ahead on a disk this small, and none would meet a full one.
EAGER = {"export.prefetch.SMALLEST_EXPECTED_BYTES": 1}


def test_the_small_disk_is_small_and_mounted_nowhere(command: Command, a_small_disk: Any) -> None:
    folder = command.temporary_files
    a_small_disk(command, 400)
    assert command.temporary_files != folder
    assert shutil.disk_usage(command.temporary_files).total == 400 * 1024
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()


def a_command(a_simulator: Callable[..., Simulator], tmp_path: Path, **project: Any) -> Command:
    return Command(a_simulator(**project), tmp_path)


@pytest.mark.parametrize("eager", [False, True])
def test_given_a_disk_for_one_archive_then_one_window_at_a_time(
    a_simulator: Callable[..., Simulator], tmp_path: Path, a_small_disk: Any, eager: bool
) -> None:
    command = a_command(a_simulator, tmp_path, events_per_hour=100)
    a_small_disk(command, 400)
    config = a_config(command.simulator, batch_size_hours=8, num_workers=5)
    outcome = command.read(config, settings=EAGER if eager else {})
    assert_whole(outcome, command.simulator)
    assert_nothing_left(command)
    assert eager == ("The temporary folder is full" in outcome.log)


def test_given_a_disk_too_small_for_a_window_then_narrower_ones(
    a_simulator: Callable[..., Simulator], tmp_path: Path, a_small_disk: Any
) -> None:
    command = a_command(a_simulator, tmp_path, events_per_hour=100)
    a_small_disk(command, 200)
    outcome = command.read()
    assert_whole(outcome, command.simulator)
    assert "the temporary folder is full" in outcome.log
    assert_nothing_left(command)


def test_given_a_disk_too_small_for_an_hour_then_a_config_error_with_what_is_needed(
    a_simulator: Callable[..., Simulator], tmp_path: Path, a_small_disk: Any
) -> None:
    command = a_command(a_simulator, tmp_path, events_per_hour=lambda hour: 6000 if hour.hour == 10 else 5)
    a_small_disk(command, 1000)
    outcome = command.read()
    assert_failed(outcome, command.simulator, "config_error", "has no room for the export of 20240313T10-20240313T10")
    for told in ("at least 2 MB", "TMPDIR", "batch_size_hours"):
        assert told in outcome.stream_error["message"]
    assert outcome.cursors[-1] == "2024-03-13T10:00:00Z"
    assert_nothing_left(command)


def test_given_a_limit_on_file_sizes_then_the_same(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("latency"))
    process = command.start(
        "read", *command.read_arguments(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    )
    out, _ = process.communicate(timeout=scaled(STUCK_SECONDS))  # type: ignore[union-attr]
    assert process.returncode == 1
    assert "has no room for the export" in out
    assert '"failure_type":"config_error"' in out


def test_given_no_writable_temporary_folder_then_a_config_error() -> None:
    folders = [folder for folder in ("/tmp", "/var/tmp", "/usr/tmp") if Path(folder).is_dir()]
    hide = " && ".join(f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}" for folder in folders)
    hidden = ["unshare", "--mount", "sh", "-c", f'{hide} && cd /proc && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*hidden, "true"], check=False).returncode != 0:
        pytest.skip("a machine without a writable folder is made with unshare, which needs root")
    outcome = subprocess.run(
        [*hidden, sys.executable, "-m", "source_amplitude", "spec"],
        env={**os.environ, "TMPDIR": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    [error] = [line for line in outcome.stdout.splitlines() if '"TRACE"' in line]
    assert '"failure_type":"config_error"' in error
    assert "No temporary folder can be written to" in error
