"""Archives that try to fill the disk or the memory: bounded, and named in an error."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR
from harness.runs import Command, a_config
from integration_tests.faults.contents import field
from integration_tests.faults.expect import assert_failed
from integration_tests.hostile.server import serving

IMAGE_BYTES = 512 * 1024 * 1024
MOST_LINE_BYTES = 8 * 1024 * 1024
NIGHT = FIRST_HOUR + 48 * HOUR
Members = list[tuple[str, bytes]]


def one_event(simulator_of: Callable[..., Simulator], tmp_path: Path) -> tuple[Simulator, Command]:
    simulator = simulator_of(events_per_hour=1)
    return simulator, Command(simulator, tmp_path)


def in_first_member(change: Callable[[Members], Members]) -> Callable[[Members], Members]:
    return lambda members: [*change(members[:1]), *members[1:]]


def gzip_of_one_line(megabytes: int) -> Iterator[bytes]:
    """A gzip of an event that has so many million characters; small itself."""
    squeeze = zlib.compressobj(9, wbits=31)
    yield squeeze.compress(b'{"uuid":"')
    for _ in range(megabytes):
        yield squeeze.compress(b"a" * 1_000_000)
    yield squeeze.compress(b'"}\n') + squeeze.flush()


# Each is repeated until the event is as large as the largest line that is read: the worst of each kind.
LARGE = {
    "a text": (b'"', b"a", b'"'),
    "a broken byte": (b'"\xff', b"a", b'"'),
    "broken bytes": (b'"', b"\xff", b'"'),
    "NUL": (b'"', b"\\u0000", b'"'),
    "emoji and a broken byte": (b'"\xff', "\U0001f600".encode(), b'"'),
    "quotes and a broken byte": (b'"\xff', b'\\"', b'"'),
    "control characters": (b'"', b"\x01", b'"'),
    "tabs": (b'"', b"\t", b'"'),
    "halves of surrogates": (b'"', b"\\ud83d", b'"'),
    "small texts and a broken byte": (b'["\xff"', b',""', b"]"),
    "small texts and NaN": (b"[NaN", b',""', b"]"),
    "NaN": (b"[1", b",NaN", b"]"),
    "numbers": (b"[1", b",1", b"]"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["event_properties", "not_declared"])
@pytest.mark.parametrize("kind", LARGE)
def test_given_the_largest_event_that_is_read_then_it_takes_less_memory_than_the_image_has(
    a_simulator: Callable[..., Simulator], tmp_path: Path, kind: str, name: str
) -> None:
    simulator, command = one_event(a_simulator, tmp_path)
    begin, middle, end = LARGE[kind]
    value = begin + middle * ((MOST_LINE_BYTES - 10_000) // len(middle)) + end
    if name == "event_properties":
        value = b'{"a":' + value + b"}"
    change = in_first_member(field(b'"%b":' % name.encode() + value))
    simulator.faults.append(Fault("members", hour=NIGHT, transform=change))
    outcome = command.read(a_config(simulator, start_date="2024-03-15"))
    assert outcome.exit_code == 0, outcome.log[-2000:]
    assert set(outcome.uuids) == simulator.project.uuids(NIGHT, NIGHT + 20 * HOUR)
    assert outcome.peak_rss_bytes < IMAGE_BYTES


@pytest.mark.parametrize("megabytes", [9, 1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_given_an_event_that_is_too_large_then_an_error_names_its_place_and_the_limit_in_little_memory(
    a_simulator: Callable[..., Simulator], tmp_path: Path, megabytes: int
) -> None:
    simulator, command = one_event(a_simulator, tmp_path)
    large = b"".join(gzip_of_one_line(megabytes))
    change = in_first_member(lambda members: [(members[0][0], gzip.compress(b'{"uuid":"first"}\n') + large)])
    simulator.faults.append(Fault("members", hour=NIGHT, transform=change))
    outcome = command.read(a_config(simulator, start_date="2024-03-15"))
    assert_failed(outcome, simulator, "system_error", "line 2: longer than 8,388,608 bytes")
    assert "_2024-03-15_0#0.json.gz" in outcome.stream_error["message"]
    assert outcome.peak_rss_bytes < 250e6


def test_given_an_answer_without_end_then_an_error_says_what_the_limit_is(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nConnection: close\r\n\r\nPK"

    def without_end(connection: object) -> None:
        connection.sendall(head)  # type: ignore[attr-defined]
        while True:
            connection.sendall(bytes(65536))  # type: ignore[attr-defined]

    with serving(without_end) as server:
        command = Command(simulator, tmp_path)
        command.environment = {"AMPLITUDE_API_URL": server.url}
        outcome = command.read(settings={"export.download.MOST_ARCHIVE_BYTES": 20_000_000})
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "is larger than 0.0 GB, and Amplitude serves 4 GB at most" in outcome.stream_error["message"]


def test_given_a_window_of_more_files_than_memory_may_hold_then_it_is_split_and_an_hour_of_so_many_is_named(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = one_event(a_simulator, tmp_path)
    few = {"export.archive.MAX_DIRECTORY_BYTES": 1500}  # more than a member has
    whole = command.read(a_config(simulator, start_date="2024-03-15"), settings=few)
    assert whole.exit_code == 0, whole.log[-2000:]
    assert set(whole.uuids) == simulator.project.uuids(NIGHT, NIGHT + 20 * HOUR)
    assert "directory has" in whole.log

    many = in_first_member(lambda members: [(f"{number}.json.gz", members[0][1]) for number in range(40)])
    simulator.faults.append(Fault("members", hour=NIGHT, transform=many))
    outcome = command.read(a_config(simulator, start_date="2024-03-15"), settings=few)
    assert_failed(outcome, simulator, "config_error", "The archive of the hour 20240315T00 has too many files")
    assert "skip_hours (20240315T00)" in outcome.stream_error["message"]
