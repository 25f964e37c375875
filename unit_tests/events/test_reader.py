import gzip
import json
import logging
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from source_amplitude.errors import AmplitudeError, TransientError, UnexpectedError
from source_amplitude.events import lines
from source_amplitude.events.converter import RecordConverter
from source_amplitude.events.reader import WindowReader
from source_amplitude.export.archive import Archive
from source_amplitude.export.windows import Window
from unit_tests.archives import a_zip, an_export, name, opened

FIRST_HOUR = datetime(2024, 1, 1, tzinfo=timezone.utc)
WINDOW = Window(FIRST_HOUR, FIRST_HOUR)
LINES = [b'{"event_id":%d}\n' % number for number in range(6)]
WHOLE = an_export(*LINES)


@pytest.fixture(autouse=True)
def a_block_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 1)


def damaged_in(member: int, texts: list[bytes] = LINES) -> bytes:
    """A sound ZIP in which the gzip of one member is cut."""
    members = [gzip.compress(line, mtime=0) for line in texts]
    members[member] = members[member][:-8]
    return a_zip({name(number): content for number, content in enumerate(members)})


def read(*archives: bytes | None) -> tuple[list[bytes], AmplitudeError | None, list[Archive]]:
    """The records, the error at the end, and all archives; the first is at hand, the others come when it is damaged."""
    made = [None if data is None else opened(data) for data in archives]
    left = list(made)
    refetch: Callable[[Window], Archive | None] = lambda _: left.pop(0)  # noqa: E731
    first = left.pop(0)
    assert first is not None
    converter = RecordConverter(json_columns_as_string=True)
    reader = WindowReader(WINDOW, first, refetch, converter, logging.getLogger("test"))
    records: list[bytes] = []
    error = None
    try:
        for batch in reader.batches():
            records += [b'{"event_id":%d}' % json.loads(record)["event_id"] for record in batch]
    except AmplitudeError as caught:
        error = caught
    assert left == [], "asked for as often as expected"
    return records, error, [archive for archive in made if archive is not None]


def test_given_a_whole_archive_then_its_records_and_the_disk_is_free() -> None:
    records, error, archives = read(WHOLE)
    assert (records, error) == ([line[:-1] for line in LINES], None)
    assert all(archive._file.closed for archive in archives)


@pytest.mark.parametrize("places", [(3,), (0,), (5,), (3, 1), (3, 4), (1, 4, 0), (5, 4, 3, 2), (0, 0, 0, 0)])
def test_given_damages_anywhere_then_each_record_once_and_in_order(places: tuple[int, ...]) -> None:
    records, error, archives = read(*map(damaged_in, places), WHOLE)
    assert (records, error) == ([line[:-1] for line in LINES], None)
    assert all(archive._file.closed for archive in archives)


def test_given_five_damages_then_a_transient_error_behind_the_records_before_them() -> None:
    records, error, archives = read(*map(damaged_in, (2, 4, 1, 3, 0)))
    assert records == [line[:-1] for line in LINES[:4]]
    assert type(error) is TransientError
    assert "was damaged 5 times" in error.message
    assert all(archive._file.closed for archive in archives)


@pytest.mark.parametrize(
    "second",
    [an_export(*LINES[::-1]), an_export(*LINES[:2]), an_export(LINES[0], b'{"event_id":9}\n', *LINES[2:])],
    ids=["another order", "fewer lines", "another line"],
)
def test_given_an_archive_that_does_not_begin_with_what_is_out_then_an_error_instead_of_a_guess(second: bytes) -> None:
    records, error, _ = read(damaged_in(3), second)
    assert records == [line[:-1] for line in LINES[:3]]
    assert type(error) is TransientError
    assert "two answers" in error.message


def test_given_a_damage_after_which_there_is_nothing_then_an_error() -> None:
    _, error, _ = read(damaged_in(3), None)
    assert type(error) is TransientError
    assert "contradict" in error.message


def test_given_a_bad_line_then_it_is_fetched_again_once() -> None:
    bad = an_export(*LINES[:4], b"no event\n", *LINES[5:])
    records, error, _ = read(bad, WHOLE)
    assert (records, error) == ([line[:-1] for line in LINES], None)
    records, error, _ = read(bad, bad)
    assert records == [line[:-1] for line in LINES[:4]]
    assert type(error) is UnexpectedError
    assert f"member {name(4)}, line 1" in error.message
