"""`sync`, killed at random moments: nothing is lost, and nothing comes twice of what a committed state stands for."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.moments import FIRST_HOUR
from harness.runs import Command, KillAfter, a_config
from integration_tests.faults.expect import HOUR, assert_no_file_left, reached


class KilledSyncs:
    """Syncs into one file, each of which is killed, some hours of the simulated day after the last one."""

    def __init__(self, simulator: Simulator, folder: Path, seed: int) -> None:
        self.simulator = simulator
        self.command = Command(simulator, folder)
        self.chance = random.Random(seed)
        self.state = folder / "kept" / "state.json"
        self.output = folder / "kept" / "messages.jsonl"
        self.state.parent.mkdir()
        self.arguments = [
            *self.command.read_arguments(a_config(simulator, batch_size_hours=4, num_workers=2)),
            *("--state", str(self.state), "--output", str(self.output)),
        ]

    def kill_one(self) -> None:
        before, records = self._cursor(), len(self._uuids())
        asked = len(self.simulator.log)
        seconds = self.chance.uniform(0, 0.8)
        self.command.run(
            "sync", *self.arguments, kill_after=KillAfter(seconds, once=lambda: len(self.simulator.log) > asked)
        )
        self._check(before, records)
        self.simulator.now += self.chance.randrange(1, 12) * HOUR

    def finish(self) -> None:
        before, records = self._cursor(), len(self._uuids())
        last = self.command.run("sync", *self.arguments)
        assert last.exit_code == 0, last.stderr
        self._check(before, records)
        newest = self.simulator.now.replace(minute=0) - timedelta(hours=3)
        assert set(self._uuids()) == self.simulator.project.uuids(FIRST_HOUR, newest)
        assert_no_file_left(self.command)

    def _check(self, before: datetime, records: int) -> None:
        """
        :param before: where the state was
        :param records: how many were in the output
        """
        now, uuids = self._cursor(), self._uuids()
        assert now >= before
        lost = self.simulator.project.uuids(FIRST_HOUR, now - HOUR) - set(uuids) if now > FIRST_HOUR else set()
        assert not lost, f"{len(lost)} events that the state stands for are not in the output"
        new = uuids[records:]
        assert len(new) == len(set(new)), "an event came twice in one sync"
        if before > FIRST_HOUR:
            twice = self.simulator.project.uuids(FIRST_HOUR, before - HOUR) & set(new)
            assert not twice, f"{len(twice)} events came again that the state stood for"

    def _cursor(self) -> datetime:
        if not self.state.exists():
            return FIRST_HOUR
        entries = json.loads(self.state.read_bytes())
        return reached(entries[0]["stream"]["stream_state"]["server_upload_time"]) if entries else FIRST_HOUR

    def _uuids(self) -> list[str]:
        """Of the whole lines; the last one may be half of one."""
        if not self.output.exists():
            return []
        *lines, _half = self.output.read_bytes().split(b"\n")
        messages = [json.loads(line) for line in lines]
        return [message["record"]["data"]["uuid"] for message in messages if message["type"] == "RECORD"]


def kill_and_finish(a_simulator: Callable[..., Simulator], folder: Path, seed: int, kills: int) -> None:
    simulator = a_simulator(events_per_hour=20)
    simulator.faults.append(Fault("latency", seconds=0.05))
    syncs = KilledSyncs(simulator, folder, seed)
    for _ in range(kills):
        syncs.kill_one()
    syncs.finish()


def test_given_kills_at_random_moments_then_nothing_lost_and_nothing_doubled(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    kill_and_finish(a_simulator, tmp_path, seed=0, kills=10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_given_two_hundred_kills_at_random_moments_then_nothing_lost_and_nothing_doubled(
    a_simulator: Callable[..., Simulator], tmp_path: Path, seed: int
) -> None:
    kill_and_finish(a_simulator, tmp_path, seed, kills=10)
