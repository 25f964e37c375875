"""`sync`: messages in a file, states kept beside it, and words for people on standard error."""

import errno
import fcntl
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import STUCK_SECONDS, scaled, wait_until
from harness.moments import FIRST_HOUR
from harness.profiles import a_profiles_config, keys_of, listed
from harness.runs import Command, KillAfter, Outcome, a_catalog, a_config
from integration_tests.faults.expect import LAST_HOUR, assert_nothing_left


class Sync:
    """The command `sync` with files in a folder of its own."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.folder = command.folder / "synced"
        self.folder.mkdir()
        self.state = self.folder / "state.json"
        self.output = self.folder / "messages.jsonl"

    def arguments(self, config: Mapping[str, Any] | None = None, *streams: str) -> list[str]:
        arguments = self.command.read_arguments(config, catalog=a_catalog(*streams))
        return [*arguments, "--state", str(self.state), "--output", str(self.output)]

    def run(self, config: Mapping[str, Any] | None = None, *streams: str, **options: Any) -> Outcome:
        outcome = self.command.run("sync", *self.arguments(config, *streams), **options)
        assert outcome.lines == [], "standard output is not used"
        return outcome

    def written(self) -> Outcome:
        """What is in the output file, as a read would have printed it."""
        text = self.output.read_text(encoding="utf-8")
        assert text.endswith("\n")
        return Outcome(0, text.splitlines(), "", 0, 0)

    def states(self) -> dict[str, Any]:
        entries = json.loads(self.state.read_text())
        assert {entry["type"] for entry in entries} <= {"STREAM"}
        return {entry["stream"]["stream_descriptor"]["name"]: entry["stream"]["stream_state"] for entry in entries}


@pytest.fixture
def sync(command: Command) -> Sync:
    return Sync(command)


def assert_refused(outcome: Outcome, sentence: str) -> None:
    assert outcome.exit_code == 1
    assert sentence in outcome.stderr
    assert outcome.stderr.count("ERROR") == 1
    assert "Traceback" not in outcome.stderr


def test_given_two_syncs_then_every_event_once_and_a_state_that_read_takes(simulator: Simulator, sync: Sync) -> None:
    first = sync.run()
    assert first.exit_code == 0, first.stderr
    assert "There is no state in" in first.stderr
    assert sync.states()["events"]["server_upload_time"] == "2024-03-15T21:00:00Z"
    simulator.now += timedelta(hours=3)
    second = sync.run()
    assert second.exit_code == 0, second.stderr
    assert "There is no state in" not in second.stderr
    uuids = sync.written().uuids
    assert sorted(uuids) == sorted(simulator.project.uuids(FIRST_HOUR, LAST_HOUR + timedelta(hours=3)))
    continued = sync.command.read(state=json.loads(sync.state.read_text()))
    assert (continued.exit_code, continued.records()) == (0, [])
    assert [path.name for path in sorted(sync.folder.iterdir())] == ["messages.jsonl", "state.json", "state.json.lock"]
    assert_nothing_left(sync.command)


def test_given_a_sync_then_the_file_has_what_read_prints(sync: Sync) -> None:
    printed = sync.command.read()
    sync.run()
    written = sync.written()
    for kind in ("RECORD", "STATE", "TRACE"):
        assert [_without_times(message) for message in written.of_type(kind)] == [
            _without_times(message) for message in printed.of_type(kind)
        ]
    assert "events 20240313T00-20240313T23: 120 events" in written.log


def _without_times(message: dict[str, Any]) -> str:
    for part in message.values():
        if isinstance(part, dict):
            part.pop("emitted_at", None)
    return json.dumps(message)


def test_given_a_sync_then_a_table_at_the_end_of_standard_error(sync: Sync) -> None:
    *_, header, rule, row = sync.run().stderr.splitlines()
    assert header.split("  ")[0] == "stream"
    assert set(rule) == {"-", " "}
    assert row.split()[:2] == ["events", "345"]
    assert row.endswith("complete  from 2024-03-15T21:00:00Z")


def test_given_a_stream_that_fails_then_its_state_stays_and_the_others_move(simulator: Simulator, sync: Sync) -> None:
    both = ("events", "active_users")
    assert sync.run(None, *both).exit_code == 0
    before = sync.states()
    simulator.now += timedelta(days=2)
    simulator.faults.append(Fault("status", status=403, body=b"Blocked by your organization"))
    failed = sync.run(None, *both)
    assert failed.exit_code == 1
    after = sync.states()
    assert after["events"] == before["events"]
    assert after["active_users"] != before["active_users"]
    assert_refused(failed, "ERROR events: ")
    assert "Blocked by your organization" in failed.stderr
    rows = {line.split()[0]: line for line in failed.stderr.splitlines() if line.startswith(both)}
    assert "failed" in rows["events"]
    assert "complete" in rows["active_users"]


def test_given_finished_profiles_then_the_next_sync_reads_them_again(simulator: Simulator, sync: Sync) -> None:
    config = a_profiles_config(simulator, listed(["ada"]))
    streams = ("user_profiles", "cohorts")
    sync.run(config, *streams)
    assert sync.states() == {}
    sync.run(config, *streams)
    assert keys_of(sync.written()) == ["ada", "ada"]


@pytest.mark.parametrize("content", ["[]", "null", " [ ] \n"])
def test_given_a_state_file_without_states_then_everything_is_read(sync: Sync, content: str) -> None:
    sync.state.write_text(content)
    assert sync.run().exit_code == 0
    assert len(sync.written().uuids) == 345


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ('[{"type": ', "does not hold a JSON array"),
        (
            '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"invoices"},"stream_state":{"cursor":1}}}]',
            "invoices",
        ),
        ('[{"type":"STREAM","stream":{"stream_descriptor":{"name":"events"},"stream_state":{"x":1}}}]', "x; expected"),
    ],
    ids=["empty", "cut", "of another connector", "of nobody"],
)
def test_given_a_state_that_is_not_ours_then_it_is_refused_and_stays(
    simulator: Simulator, sync: Sync, content: str, sentence: str
) -> None:
    sync.state.write_text(content)
    assert_refused(sync.run(), sentence)
    assert sync.state.read_text() == content
    assert simulator.log == []


def test_given_states_of_other_streams_then_they_stay(sync: Sync) -> None:
    other = {
        "type": "STREAM",
        "stream": {"stream_descriptor": {"name": "new_users"}, "stream_state": {"date": "2024-03-01"}},
    }
    sync.state.write_text(json.dumps([other]))
    sync.state.chmod(0o640)
    assert sync.run().exit_code == 0
    assert sync.states()["new_users"] == {"date": "2024-03-01"}
    assert sync.states()["events"]["server_upload_time"] == "2024-03-15T21:00:00Z"
    assert sync.state.stat().st_mode & 0o777 == 0o640


def test_given_half_a_line_at_the_end_then_it_is_cut_off_and_nothing_else(sync: Sync) -> None:
    sync.run()
    whole = sync.output.read_bytes()
    for half in (b'{"type":"REC', b"{", whole.splitlines()[-1], b'{"type":"RECORD"' + b"x" * 200_000, b"\0" * 5000):
        sync.output.write_bytes(whole + half)
        outcome = sync.run()
        assert outcome.exit_code == 0
        assert f"its {len(half):,} bytes were removed" in outcome.stderr
        assert sync.output.read_bytes().startswith(whole)
        sync.written()


@pytest.mark.parametrize("content", [b'{"api_key": "k"}', b"uuid,time\n", b'{"type":"LOG"}\n{"a":1', b"\n"])
def test_given_an_output_that_is_something_else_then_it_is_left_alone(sync: Sync, content: bytes) -> None:
    sync.output.write_bytes(content)
    assert_refused(sync.run(), "holds something else than messages of a sync")
    assert sync.output.read_bytes() == content


def test_given_an_output_that_is_no_file_then_a_sentence(sync: Sync) -> None:
    os.mkfifo(sync.output)
    assert_refused(sync.run(), "is not a file")
    sync.output.unlink()
    sync.output.mkdir()
    assert_refused(sync.run(), "is not a file")


def test_given_a_state_that_is_no_file_then_a_sentence(sync: Sync) -> None:
    os.mkfifo(sync.state)
    assert_refused(sync.run(), f"The state file {sync.state} is not a file")


def test_given_one_file_for_state_and_output_then_a_sentence(sync: Sync) -> None:
    (sync.folder / "link").symlink_to(sync.state)
    sync.output = sync.folder / "link"
    assert_refused(sync.run(), "cannot be in one file")


@pytest.mark.parametrize("beside", ["new", "lock"])
def test_given_an_output_that_is_called_as_a_file_beside_the_state_then_it_is_left_alone(
    sync: Sync, beside: str
) -> None:
    sync.output = sync.folder / f"state.json.{beside}"
    content = b'{"type":"LOG","log":{"level":"INFO","message":"of an earlier sync"}}\n'
    sync.output.write_bytes(content)
    assert_refused(sync.run(), "cannot be in one file")
    assert sync.output.read_bytes() == content


def test_given_another_sync_with_the_same_file_then_a_sentence_and_nothing_changes(
    simulator: Simulator, sync: Sync
) -> None:
    assert sync.run().exit_code == 0
    contents = sync.state.read_bytes(), sync.output.read_bytes()
    simulator.now += timedelta(hours=3)
    simulator.faults.append(Fault("hang"))
    running = sync.command.start("sync", *sync.arguments())
    try:
        asked = len(simulator.log)
        wait_until(lambda: len(simulator.log) > asked, "the first sync to ask for an export")
        assert_refused(sync.run(), f"Another sync is running with the output file {sync.output}")
        sync.output = sync.folder / "other.jsonl"
        assert_refused(sync.run(), f"Another sync is running with the state file {sync.state}")
        assert sync.state.read_bytes() == contents[0]
        assert len(simulator.log) == asked + 1
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(scaled(STUCK_SECONDS))  # type: ignore[union-attr]


def test_given_a_file_system_without_locks_then_a_sentence(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    from source_amplitude.airbyte.sync_files import StateFile  # noqa: PLC0415
    from source_amplitude.errors import ConfigError  # noqa: PLC0415

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(ConfigError, match="cannot be locked: Operation not supported"):
        StateFile(str(sync.state)).open()


def test_given_a_folder_that_is_not_there_then_a_sentence(sync: Sync) -> None:
    sync.output = sync.folder / "none" / "messages.jsonl"
    assert_refused(sync.run(), "cannot be written: No such file or directory")


def test_given_no_room_for_the_records_then_the_state_is_of_what_is_there(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=50)
    sync = Sync(Command(simulator, tmp_path))
    config = a_config(simulator, batch_size_hours=4)
    most = 3_000_000  # of some 7 MB; an archive has a tenth of it
    process = sync.command.start(
        "sync",
        *sync.arguments(config),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
    )
    assert isinstance(process, subprocess.Popen)
    _, err = process.communicate(timeout=scaled(STUCK_SECONDS))
    assert process.returncode == 1
    assert (
        f"ERROR The output file {sync.output} cannot be written: File too large. The state file has the state of" in err
    )
    assert re.search(r"^events +[\d,]+ .* stopped ", err, re.MULTILINE), "the table"
    assert sync.output.stat().st_size == most
    committed = sync.states()["events"]["server_upload_time"]
    resumed = sync.run(config)
    assert resumed.exit_code == 0
    assert "bytes were removed" in resumed.stderr
    assert_nothing_lost(simulator, sync, committed)


def assert_nothing_lost(simulator: Simulator, sync: Sync, committed: str) -> None:
    """Every event is there, and of those before a committed state none twice."""
    uuids = sync.written().uuids
    assert set(uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    before: set[str] = set()
    for message in sync.written().messages:
        if message["type"] == "STATE":
            if message["state"]["stream"]["stream_state"]["server_upload_time"] == committed:
                break
        elif message["type"] == "RECORD":
            before.add(message["record"]["data"]["uuid"])
    assert before
    assert [uuid for uuid in uuids if uuid in before] == list(dict.fromkeys(u for u in uuids if u in before))


@pytest.mark.parametrize("harm", ["removed", "moved", "replaced", "cut"])
def test_given_an_output_that_is_taken_away_while_it_runs_then_no_state_is_kept(
    a_simulator: Callable[..., Simulator], tmp_path: Path, harm: str
) -> None:
    simulator = a_simulator(events_per_hour=50)
    sync = Sync(Command(simulator, tmp_path))
    config = a_config(simulator, batch_size_hours=24, num_workers=1)
    simulator.faults.append(Fault("latency", seconds=0.5))
    process = sync.command.start("sync", *sync.arguments(config))
    wait_until(lambda: sync.state.exists() and sync.states(), "the first state")
    if harm == "removed":
        sync.output.unlink()
    elif harm == "cut":
        os.truncate(sync.output, 0)
    else:
        sync.output.rename(sync.folder / "to_be_loaded.jsonl")
        if harm == "replaced":
            sync.output.touch()
    committed = sync.states()
    assert process.wait(scaled(STUCK_SECONDS)) == 1
    assert process.stderr is not None
    err = process.stderr.read()
    happened = "moved" if harm == "replaced" else harm
    assert f"is not on disk as it should be: it was {happened} while the sync ran." in err
    assert sync.states() == committed


BROKEN_FSYNC = """
import errno, os, sys
from harness.command import main
real, path = os.fsync, sys.argv[1]
def fsync(descriptor):
    if os.readlink(f"/proc/self/fd/{descriptor}").startswith(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    real(descriptor)
os.fsync = fsync
main(sys.argv[2:])
"""


@pytest.mark.parametrize("kind", ["output", "state"])
def test_given_a_disk_that_fails_then_no_state_is_kept(simulator: Simulator, sync: Sync, kind: str) -> None:
    assert sync.run().exit_code == 0
    states = sync.state.read_bytes()
    simulator.now += timedelta(hours=3)
    broken = sync.output if kind == "output" else Path(f"{sync.state}.new")
    at = f"{simulator.now:%Y-%m-%dT%H:%M:%SZ}"
    ended = subprocess.run(
        [sys.executable, "-c", BROKEN_FSYNC, str(broken), "--at", at, "--", "sync", *sync.arguments()],
        env={**os.environ, **simulator.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Input/output error" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sync.state.read_bytes() == states
    assert sync.run().exit_code == 0
    assert set(sync.written().uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR + timedelta(hours=3))


def test_given_an_output_that_was_moved_away_between_syncs_then_a_new_one_goes_on(
    simulator: Simulator, sync: Sync
) -> None:
    sync.run()
    first = sync.written().uuids
    sync.output.rename(sync.folder / "loaded.jsonl")
    simulator.now += timedelta(hours=3)
    assert sync.run().exit_code == 0
    assert set(first).isdisjoint(sync.written().uuids)
    assert len(sync.written().uuids) == 15


def test_given_no_right_to_replace_the_state_then_told_before_anything_is_read(
    simulator: Simulator, sync: Sync
) -> None:
    (sync.folder / "state.json.new").mkdir()
    assert_refused(sync.run(), f"The state file {sync.state} cannot be written: ")
    assert simulator.log == []


def test_given_a_linked_state_then_the_file_behind_it_is_replaced(sync: Sync) -> None:
    real = sync.folder / "real.json"
    sync.state.symlink_to(real)
    assert sync.run().exit_code == 0
    assert sync.state.is_symlink()
    assert json.loads(real.read_text())[0]["stream"]["stream_state"]["server_upload_time"] == "2024-03-15T21:00:00Z"


def test_given_a_wrong_configuration_then_its_sentence_once(simulator: Simulator, sync: Sync) -> None:
    assert_refused(sync.run(a_config(simulator, region="Mars")), "region must be one of US, EU.")
    assert_refused(sync.run(a_config(simulator, secret_key="another")), "Authentication failed.")


def test_given_a_bug_then_its_traceback_is_on_standard_error_without_keys(simulator: Simulator, sync: Sync) -> None:
    outcome = sync.run(settings={"export.width.TARGET_ARCHIVE_BYTES": "many"})
    assert outcome.exit_code == 1
    assert "Traceback" in outcome.stderr
    assert "TypeError" in outcome.stderr


def test_given_no_terminal_then_a_line_now_and_then_says_what_is_waited_for(simulator: Simulator, sync: Sync) -> None:
    simulator.faults.append(Fault("latency", seconds=1.5))
    outcome = sync.run(settings={"airbyte.report.LINE_SECONDS": 0.1})
    lines = [line for line in outcome.stderr.splitlines() if " events (1 of 1): " in line]
    assert lines
    assert "0 records" in lines[0]
    assert any("Asking for the export of 20240315T00-20240315T20 (21 hours)" in line for line in lines)
    assert "\r" not in outcome.stderr


def test_given_many_windows_then_the_line_says_how_many_hours_are_left(simulator: Simulator, sync: Sync) -> None:
    simulator.faults.append(Fault("latency", seconds=0.3))
    config = a_config(simulator, batch_size_hours=8, num_workers=1)
    outcome = sync.run(config, settings={"airbyte.report.LINE_SECONDS": 0.05})
    left = [int(number) for number in re.findall(r" records, [\d,]+/s, (\d+) hours left", outcome.stderr)]
    assert left == sorted(left, reverse=True)
    assert set(left) <= {69 - 8 * windows for windows in range(9)} | {0}
    assert len(set(left)) > 2


def test_given_an_end_date_then_the_hours_that_are_left_end_there(simulator: Simulator, sync: Sync) -> None:
    simulator.faults.append(Fault("latency", seconds=0.5))
    config = a_config(simulator, batch_size_hours=8, num_workers=1, end_date="2024-03-13")
    outcome = sync.run(config, settings={"airbyte.report.LINE_SECONDS": 0.05})
    left = {int(number) for number in re.findall(r" records, [\d,]+/s, (\d+) hours? left", outcome.stderr)}
    assert left
    assert left <= {16, 8, 0}


def test_given_a_terminal_then_one_line_that_is_rewritten(simulator: Simulator, sync: Sync) -> None:
    simulator.faults.append(Fault("latency", seconds=1.5))
    ours, theirs = pty.openpty()
    process = sync.command.start(
        "sync", *sync.arguments(), stderr=theirs, settings={"airbyte.report.REWRITE_SECONDS": 0.1}
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 10_000):
            shown += part
    except OSError:  # a terminal whose last writer is gone
        pass
    os.close(ours)
    assert process.wait(scaled(STUCK_SECONDS)) == 0  # type: ignore[union-attr]
    rewritten = [line for line in shown.split(b"\r") if b" events (1 of 1): " in line]
    assert len(rewritten) > 1
    assert all(len(line.split(b"\x1b")[0].strip()) < 80 for line in rewritten)
    assert b"complete  from 2024-03-15T21:00:00Z" in shown


def test_given_the_reader_of_standard_error_goes_away_then_the_sync_goes_on(simulator: Simulator, sync: Sync) -> None:
    sync.command.warm = False  # how Python itself ends then
    process = sync.command.start("sync", *sync.arguments(), settings={"airbyte.report.LINE_SECONDS": 0.01})
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(scaled(STUCK_SECONDS)) == 0
    assert len(sync.written().uuids) == 345


def test_given_sigterm_then_it_ends_by_it_with_whole_lines_and_the_next_one_goes_on(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=50)
    simulator.faults.append(Fault("latency", seconds=0.3))
    sync = Sync(Command(simulator, tmp_path))
    config = a_config(simulator, batch_size_hours=4, num_workers=2)
    stopped = sync.run(config, kill_after=KillAfter(0, signal.SIGTERM, lambda: sync.state.exists() and sync.states()))
    assert stopped.exit_code == -signal.SIGTERM
    committed = sync.states()["events"]["server_upload_time"]
    sync.written()
    assert sync.run(config).exit_code == 0
    assert_nothing_lost(simulator, sync, committed)
    assert_nothing_left(sync.command)
