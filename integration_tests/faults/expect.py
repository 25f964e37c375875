"""What must hold after a sync that met a fault: the exact events, the states, the error, and an empty disk."""

from datetime import datetime, timezone

from amplitude_simulator import Simulator
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR
from harness.runs import Command, Outcome, uuids_before_each_state

LAST_HOUR = datetime(2024, 3, 15, 20, tzinfo=timezone.utc)
MOST_MEMORY = 200e6
PYTHONS_TRIAL = (b"", b"blat")  # tempfile._get_default_tempdir


def assert_whole(outcome: Outcome, simulator: Simulator) -> None:
    """Everything up to the newest complete hour, each event once, and states that promise no more than was out."""
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert len(outcome.uuids) == len(set(outcome.uuids)), "an event came twice"
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert outcome.cursors[-1] == "2024-03-15T21:00:00Z"
    assert_states_keep_their_promise(outcome, simulator)
    assert outcome.peak_rss_bytes < MOST_MEMORY


def assert_states_keep_their_promise(outcome: Outcome, simulator: Simulator, since: datetime = FIRST_HOUR) -> None:
    """What was printed before each state is every event uploaded before its instant, and nothing else."""
    for cursor, uuids in uuids_before_each_state(outcome):
        if cursor is not None:
            assert uuids == simulator.project.uuids(since, reached(cursor) - HOUR), f"before the state {cursor}"


def reached(cursor: str) -> datetime:
    return datetime.fromisoformat(cursor.replace("Z", "+00:00"))


def assert_failed(outcome: Outcome, simulator: Simulator, failure_type: str, sentence: str) -> None:
    assert outcome.exit_code == 1, outcome.everything[-3000:]
    assert outcome.stream_error["failure_type"] == failure_type
    assert sentence in outcome.stream_error["message"]
    assert outcome.statuses[-1] == ("events", "INCOMPLETE")
    config_error_expected = failure_type == "config_error"
    for error in outcome.errors:
        assert config_error_expected == (error["failure_type"] == "config_error"), "Airbyte must know whether to retry"
    assert_states_keep_their_promise(outcome, simulator)
    assert outcome.peak_rss_bytes < MOST_MEMORY


def assert_whole_after(simulator: Simulator, stopped: Outcome, resumed: Outcome) -> None:
    """What was out before the last state, and what a sync from that state brings: everything, nothing twice."""
    assert resumed.exit_code == 0, resumed.everything[-3000:]
    kept = uuids_before_each_state(stopped)[-1][1] if stopped.states else set()
    assert kept | set(resumed.uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert kept.isdisjoint(resumed.uuids)
    assert len(resumed.uuids) == len(set(resumed.uuids))


def assert_nothing_left(command: Command) -> None:
    assert list(command.temporary_files.iterdir()) == []


def assert_no_file_left(command: Command) -> None:
    """After SIGKILL nobody lives to remove the CDK's empty folder, or the file by which Python tries the folder."""
    files = [path for path in command.temporary_files.rglob("*") if not path.is_dir()]
    assert [path for path in files if path.read_bytes() not in PYTHONS_TRIAL] == []
