"""Nothing lost and nothing doubled, in batch and as a stream, whatever happens on the way."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault
from amplitude_simulator.project import HOUR
from harness.spark import SimulatedSpark, python_workers, uuids, wait_for
from integration_tests.spark.conftest import FIRST_HOUR, NOW

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

HOURS = 72
MORE_HOURS = 5
FAULTS: dict[str, tuple[dict[str, Any], list[Fault]]] = {
    "none": ({}, []),
    "400 for more than 5 hours": ({"max_hours_served": 5, "too_many_hours_status": 400}, []),
    "504 for more than 5 hours": ({"max_hours_served": 5}, []),
    "429": ({}, [Fault("status", status=429, times=4, headers={"Retry-After": "0"})]),
    "a cut": ({}, [Fault("truncate", times=2), Fault("reset_body", times=1)]),
    "damage": ({}, [Fault("zip_crc", times=1), Fault("gzip_crc", times=1), Fault("html", times=1)]),
}
faults = pytest.mark.parametrize("fault", FAULTS)


def each_once(spark: SimulatedSpark, hours: int = HOURS) -> Counter[str]:
    return Counter(spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + (hours - 1) * HOUR))


@faults
def test_given_trouble_then_a_batch_has_each_event_once(a_spark: Callable[..., SimulatedSpark], fault: str) -> None:
    project, struck = FAULTS[fault]
    spark = a_spark(**project)
    spark.simulator.faults += struck
    assert uuids(spark.read(batch_size_hours="24")) == each_once(spark)
    assert spark.simulator.most_concurrent <= 3


@faults
def test_given_trouble_then_a_stream_in_two_runs_has_each_event_once(
    a_spark: Callable[..., SimulatedSpark], folder: Path, fault: str
) -> None:
    project, struck = FAULTS[fault]
    spark = a_spark(**project)
    spark.simulator.faults += struck
    spark.run_available(folder, batch_size_hours="24")
    assert uuids(spark.written(folder)) == each_once(spark)
    spark.set_time(NOW + MORE_HOURS * HOUR)
    spark.run_available(folder, batch_size_hours="24")
    assert uuids(spark.written(folder)) == each_once(spark, HOURS + MORE_HOURS)


def test_given_a_width_that_is_refused_then_a_worker_learns_it_once(
    a_spark: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = a_spark(max_hours_served=6)
    spark.run_available(folder, batch_size_hours="12", num_workers="2")
    assert uuids(spark.written(folder)) == each_once(spark)
    refused = [request for request in spark.simulator.log if request.status == 504]
    assert 1 <= len(refused) <= 2, "by two workers, in three micro-batches"


def kill_workers_while_they_wait(spark: SimulatedSpark) -> None:
    """Once two exports are under way."""
    wait_for(lambda: len(exports_of_data(spark)) >= 2)
    workers = python_workers()
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)


def exports_of_data(spark: SimulatedSpark) -> list[str]:
    return [request.params["start"] for request in spark.simulator.log if request.params["start"] >= "2024"]


def test_given_killed_tasks_then_a_batch_has_each_event_once(spark: SimulatedSpark) -> None:
    spark.simulator.faults.append(Fault("slow_body", hour=FIRST_HOUR, times=1, bytes_per_second=200))
    spark.simulator.faults.append(Fault("slow_body", hour=FIRST_HOUR + 30 * HOUR, times=1, bytes_per_second=200))
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(lambda: uuids(spark.read()))
        kill_workers_while_they_wait(spark)
        assert reading.result() == each_once(spark)
    assert len(exports_of_data(spark)) > len(set(exports_of_data(spark))), "no task ran again"


def test_given_killed_tasks_then_a_stream_has_each_event_once(spark: SimulatedSpark, folder: Path) -> None:
    spark.simulator.faults.append(Fault("slow_body", hour=FIRST_HOUR, times=1, bytes_per_second=200))
    spark.simulator.faults.append(Fault("slow_body", hour=FIRST_HOUR + 30 * HOUR, times=1, bytes_per_second=200))
    with ThreadPoolExecutor() as threads:
        running = threads.submit(lambda: spark.run_available(folder))
        kill_workers_while_they_wait(spark)
        running.result()
    assert uuids(spark.written(folder)) == each_once(spark)
    assert len(exports_of_data(spark)) > len(set(exports_of_data(spark))), "no task ran again"


def test_given_slow_answers_then_the_exports_at_once_are_the_partitions(a_spark: Callable[..., SimulatedSpark]) -> None:
    spark = a_spark(events_per_hour=2)
    spark.simulator.faults.append(Fault("latency", seconds=0.3))
    frame = spark.read(num_workers="2", batch_size_hours="6")
    assert frame.rdd.getNumPartitions() == 2
    spark.simulator.clear_log()
    assert uuids(frame) == each_once(spark)
    assert len(exports_of_data(spark)) == 12
    assert spark.simulator.most_concurrent == 2
