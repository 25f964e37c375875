"""Random schedules of faults, kills, restarts, moving clocks and hours published late, each made of a seed.

A failing seed is replayed with `.venv/bin/python -m pytest "integration_tests/faults/test_random.py" -k "seed-17-"`.
"""

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Project, Simulator
from harness.moments import FIRST_HOUR, NOW
from harness.runs import Command, KillAfter, Outcome, State, a_config, uuids_before_each_state
from integration_tests.faults.expect import HOUR, assert_no_file_left, reached
from integration_tests.faults.tables import PASSING, STAYING
from source_amplitude.events.late_hours import RECHECK_AFTER_HOURS

FAST_SEEDS = 15
ALL_SEEDS = 300
SMALL_BLOCKS = {"events.lines.BLOCK_BYTES": 16_384}
HOURS_THAT_MAY_BE_LATE = 100  # the last sync comes more than a day after them
MOST_HOURS_LATE = max(RECHECK_AFTER_HOURS)
QUICK = [fault for fault in PASSING.values() if "Retry-After" not in fault.headers]
STOPS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Sync:
    """One sync of a schedule: when, configured how, met by which faults, stopped when and by what."""

    after: timedelta
    config: dict[str, Any]
    faults: list[Fault]
    stop: KillAfter | None


def a_schedule(chance: random.Random) -> Iterator[Sync]:
    for _ in range(chance.randrange(3, 7)):
        moved = timedelta(minutes=chance.choice([0, 1, 20, 60, 61, 180, 600, 1500, -90]))
        faults = [
            replace(chance.choice(QUICK), hour=FIRST_HOUR + chance.randrange(110) * HOUR)
            for _ in range(chance.randrange(4))
        ]
        if chance.random() < 0.3:
            staying, *_ = chance.choice(list(STAYING.values()))
            faults.append(replace(staying, hour=FIRST_HOUR + chance.randrange(110) * HOUR))
        faults.append(Fault("latency", seconds=chance.choice([0, 0, 0.01, 0.04])))
        stop = KillAfter(chance.uniform(0.03, 0.4), chance.choice(STOPS)) if chance.random() < 0.5 else None
        config = {"batch_size_hours": chance.choice([1, 3, 5, 12, 24, 100]), "num_workers": chance.randrange(1, 6)}
        yield Sync(moved, config, faults, stop)


class History:
    """What all syncs together have brought by the states that they printed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.kept: set[str] = set()
        self.state: list[State] | None = None

    def add(self, outcome: Outcome, newest_complete: datetime) -> None:
        assert outcome.exit_code in (0, 1, *(-number for number in STOPS))
        assert len(outcome.uuids) == len(set(outcome.uuids)), "an event came twice in one sync"
        assert set(outcome.uuids) <= self._project.uuids(FIRST_HOUR, newest_complete), "an incomplete hour was read"
        late = set().union(*(self._project.uuids(hour, hour) for hour in self._project.late))
        for cursor, uuids in uuids_before_each_state(outcome):
            if cursor is not None:
                promised = self._project.uuids(FIRST_HOUR, reached(cursor) - HOUR)
                assert promised - late <= self.kept | uuids <= promised, f"the state {cursor} does not keep its promise"
        if outcome.states:
            self.kept |= uuids_before_each_state(outcome)[-1][1]
            self.state = outcome.last_state


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, id=f"seed-{seed}-", marks=() if seed < FAST_SEEDS else pytest.mark.slow)
        for seed in range(ALL_SEEDS)
    ],
)
def test_given_any_schedule_then_nothing_is_lost_and_every_state_keeps_its_promise(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    busy = chance.choice([2, 8, 40])
    project = Project(
        first_hour=FIRST_HOUR,
        events_per_hour=lambda hour: random.Random(f"{seed}/{hour}").choice([0, 0, 1, busy]),
        late={
            FIRST_HOUR + number * HOUR: chance.uniform(0, MOST_HOURS_LATE) * HOUR
            for number in range(HOURS_THAT_MAY_BE_LATE)
            if chance.random() < 0.1
        },
        states_length=chance.random() < 0.7,
        max_hours_served=chance.choice([None, None, 4, 20]),
    )
    with Simulator(project, now=NOW) as simulator:
        command = Command(simulator, tmp_path)
        history = History(project)
        settings = SMALL_BLOCKS if seed % 3 == 0 else {}
        for sync in [*a_schedule(chance), *[Sync(timedelta(hours=30), {}, [], None)] * 2]:
            simulator.now += sync.after
            simulator.faults[:] = sync.faults
            config = a_config(simulator, **sync.config)
            outcome = command.read(config, history.state, kill_after=sync.stop, settings=settings)
            newest_complete = (simulator.now - 2 * HOUR).replace(minute=0) - HOUR
            history.add(outcome, newest_complete)
            assert_no_file_left(command)
            simulator.allow_missed_faults()
        assert outcome.exit_code == 0, outcome.everything[-2000:]
        assert history.kept == project.uuids(FIRST_HOUR, newest_complete), "the last sync did not bring the rest"
