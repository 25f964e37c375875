import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.limits import wait_until
from source_amplitude.events import second_process
from source_amplitude.events.blocks import BadLineError, Conversion, SharedConversion
from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.second_process import SLOT_BYTES, SLOTS, SecondProcess, start_second_process
from source_amplitude.export.archive import Block, Piece
from source_amplitude.records.coercion import CoercionStats

LOGGER = logging.getLogger(__name__)
EVENTS = [
    b'{"uuid":"%d","user_properties":{"n":%d},"event_time":"2024-03-15 10:04:58.%06d"}' % (n, n, n) for n in range(5000)
]
BLOCKS = [EVENTS[start : start + 50] for start in range(0, len(EVENTS), 50)]
# Each broken byte becomes the three of U+FFFD: more records than the shared memory holds.
GROWS = b'{"uuid":"g","a":"%b"}' % (b"\xff" * (SLOT_BYTES - 100))


def blocks_of(*groups: list[bytes]) -> list[Block]:
    return [Block([Piece(f"{i}", 1, len(lines), b"\n".join(lines))]) for i, lines in enumerate(groups)]


def started() -> SecondProcess:
    """One that has started and converted something."""
    running = SecondProcess(json_columns_as_string=True, logger=LOGGER)
    wait_until(lambda: running.submit(b"{}", 1), "the second process to take a block")
    assert running.result() == Records(b'{"additional_fields":null}\n', 1)
    return running


@pytest.fixture
def second() -> Iterator[SecondProcess]:
    running = started()
    yield running
    running.close()


def conversion_with(second: SecondProcess | None) -> Conversion[Records]:
    converter = RecordConverter(json_columns_as_string=True)
    return SharedConversion(converter, second) if second else Conversion(converter)


def converted(second: SecondProcess | None, *groups: list[bytes]) -> list[dict[str, object]]:
    records = conversion_with(second).of_blocks(blocks_of(*groups))
    return [json.loads(record) for batch in records for record in batch]


def test_two_processes_make_the_records_of_one_in_order(second: SecondProcess) -> None:
    assert converted(second, *BLOCKS) == converted(None, *BLOCKS)
    assert second._submitted > 1, "the second process had no part in it"


def test_it_takes_so_many_blocks_at_once_and_gives_them_back_in_order(second: SecondProcess) -> None:
    taken = 0
    blocks = blocks_of(*BLOCKS)
    while second.submit(blocks[taken].text, blocks[taken].count):
        taken += 1
    assert taken == SLOTS
    for block in blocks[:SLOTS]:
        assert second.result() == RecordConverter(json_columns_as_string=True).convert(block.text, block.count)


@pytest.mark.parametrize("line", [b"[1]", b'{"uuid":', b"{}{}"])
def test_given_a_line_that_is_no_event_then_its_place_is_told_and_the_rest_can_still_be_converted(
    second: SecondProcess, line: bytes
) -> None:
    with pytest.raises(BadLineError, match="member 0, line 51"):
        converted(second, [*BLOCKS[0], line])
    with pytest.raises(BadLineError, match="member 1, line 1"):
        converted(second, BLOCKS[0], [line], BLOCKS[1])
    assert converted(second, *BLOCKS) == converted(None, *BLOCKS)


@pytest.mark.parametrize("line", [b'{"uuid":"%b"}' % (b"x" * SLOT_BYTES), GROWS], ids=["itself", "its records"])
def test_given_a_block_too_large_for_it_then_it_is_converted_all_the_same(second: SecondProcess, line: bytes) -> None:
    assert converted(second, BLOCKS[0], [line], BLOCKS[1]) == converted(None, BLOCKS[0], [line], BLOCKS[1])


def test_oddities_are_counted_wherever_they_were(second: SecondProcess) -> None:
    odd = [b'{"uuid":"\xff"}', b'{"uuid":"a","paying":"yes"}', b'{"app":"1","new":{}}']
    blocks = blocks_of(*(odd for _ in range(40)))
    for _ in range(2):
        counted = CoercionStats()
        for records in conversion_with(second).of_blocks(blocks):
            counted.add(records.coercions)
        assert counted == CoercionStats(
            repaired=40, nulled={"paying": 40}, converted={"app": 40}, undeclared={"new": 40}
        )


def test_given_blocks_that_nobody_takes_then_what_was_odd_in_them_is_not_counted(second: SecondProcess) -> None:
    """They are read again, from an archive fetched anew."""
    abandoned = conversion_with(second).of_blocks(blocks_of(*[[b'{"a":1}']] * 20))
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    [records] = conversion_with(second).of_blocks(blocks_of([b'{"a":1}']))
    assert records.coercions == CoercionStats(undeclared={"a": 1})


def test_given_it_is_left_in_the_middle_then_the_next_window_gets_its_own_records(second: SecondProcess) -> None:
    abandoned = conversion_with(second).of_blocks(blocks_of(*BLOCKS))
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert converted(second, *BLOCKS[50:]) == converted(None, *BLOCKS[50:])


@pytest.mark.parametrize("after", [0, 1, 30])
def test_given_it_is_killed_then_nothing_is_lost_and_it_is_told_once(
    second: SecondProcess, caplog: pytest.LogCaptureFixture, after: int
) -> None:
    caplog.set_level(logging.WARNING, LOGGER.name)
    found = []
    conversion = conversion_with(second)
    for number, batch in enumerate(conversion.of_blocks(blocks_of(*BLOCKS))):
        if number == after:
            os.kill(second._process.pid, signal.SIGKILL)
            second._process.wait()
        found += [json.loads(record) for record in batch]
    assert found == converted(None, *BLOCKS)
    assert [record.getMessage() for record in caplog.records] == [
        "The second process has ended or does not answer: converting in one from now on"
    ]
    assert not second.submit(b"{}", 1)


@pytest.mark.parametrize(
    ("quota", "share"), [("50000 100000", 0.5), ("100000 100000", 1.0), ("max 100000", None), ("", None), (None, None)]
)
def test_a_container_s_share_of_the_processors_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, share: float | None
) -> None:
    monkeypatch.setattr(second_process, "CGROUP_QUOTA", str(tmp_path / "cpu.max"))
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert second_process.processors() == (share or len(os.sched_getaffinity(0)))
    if share is not None:
        assert start_second_process(json_columns_as_string=True, logger=LOGGER) is None


def test_given_one_processor_then_there_is_none() -> None:
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        assert start_second_process(json_columns_as_string=True, logger=LOGGER) is None
    finally:
        os.sched_setaffinity(0, processors)


def test_given_a_file_with_the_name_of_a_module_in_the_working_directory_then_it_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("json", "logging", "zipfile", "msgspec"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr("sys.path", [folder for folder in sys.path if folder])
    monkeypatch.chdir(tmp_path)
    started().close()
