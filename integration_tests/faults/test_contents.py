"""What archives may hold besides documented events: evil names, odd lines, huge ones, and what is no event at all."""

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR
from harness.runs import Command, Outcome, a_config
from integration_tests.faults.contents import Change, Members, each_line, field, with_lines
from integration_tests.faults.expect import LAST_HOUR, assert_failed, assert_nothing_left, assert_whole

NIGHT = datetime(2024, 3, 15, 10, tzinfo=timezone.utc)


def renamed(template: str) -> Change:
    return lambda members: [(template.format(i), content) for i, (_, content) in enumerate(members)]


def with_member(name: str, content: bytes) -> Change:
    return lambda members: [(name, content), *members]


def in_two_gzip_streams(members: Members) -> Members:
    halved = []
    for name, content in members:
        text = gzip.decompress(content)
        middle = len(text) // 2
        halved.append((name, gzip.compress(text[:middle]) + gzip.compress(text[middle:])))
    return halved


HARMLESS: dict[str, Change] = {
    "names that climb": renamed("../../../../tmp/climbed-{}.json.gz"),
    "absolute names": renamed("/tmp/absolute-{}.json.gz"),
    "names of another system": renamed("C:\\windows\\{}.json.gz"),
    "names in unicode": renamed("日本/événements-{}.json.gz"),
    "an empty member": with_member("123456/123456_2024-03-15_0#9.json.gz", b""),
    "an empty gzip member": with_member("123456/123456_2024-03-15_0#9.json.gz", gzip.compress(b"")),
    "a marker file": with_member("123456/_SUCCESS", b""),
    "a folder": with_member("123456/", b""),
    "CRLF": each_line(lambda line: line + b"\r"),
    "blank lines": with_lines(lambda lines: [part for line in lines for part in (line, b"", b"  \t")]),
    "no newline at the end": with_lines(lambda lines: lines[:-1]),
    "spaces around": each_line(lambda line: b"  " + line + b"\t"),
    "two gzip streams in a member": in_two_gzip_streams,
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_given_harmless_oddities_then_every_event_once(simulator: Simulator, command: Command, change: Change) -> None:
    simulator.faults.append(Fault("members", transform=change))
    outcome = command.read()
    assert_whole(outcome, simulator)
    assert_nothing_left(command)
    assert len(simulator.log) == 3, "nothing was fetched again"
    assert not list(Path("/tmp").glob("climbed-*")) + list(Path("/tmp").glob("absolute-*"))


# A field that was put at the end of every event: what a record holds of it, and whether the line had to be repaired.
FIELDS: dict[str, tuple[bytes, object, bool]] = {
    "invalid utf-8": (b'"odd":"Z\xfcrich"', "Z\ufffdrich", True),
    "half a surrogate pair": (b'"odd":"\\ud83d"', "\ufffd", True),
    "half a pair in a bag": (b'"odd":{"a":"\\udc00"}', '{"a":"\ufffd"}', True),
    "a raw control character": (b'"odd":"a\x01b"', "a\x01b", True),
    "a raw NUL": (b'"odd":"a\x00b"', "a\ufffdb", True),
    "NUL": (b'"odd":"a\\u0000b"', "a\ufffdb", True),
    "NUL in a bag": (b'"odd":{"a\\u0000":"\\u0000b"}', '{"a\ufffd":"\ufffdb"}', True),
    "no NUL": (b'"odd":"a\\\\u0000b"', "a\\u0000b", False),
    "NaN": (b'"odd":NaN', None, True),
    "NaN in a bag": (b'"odd":{"a":NaN,"b":-Infinity}', '{"a":null,"b":null}', True),
    "a key twice": (b'"odd":1,"odd":2', 2, False),
    "a long integer": (b'"odd":123456789012345678901234567890', 123456789012345678901234567890, False),
    "many digits in a bag": (b'"odd":{"a":0.10000000000000000555}', '{"a":0.10000000000000000555}', False),
    "nesting": (b'"odd":' + b"[" * 100 + b"]" * 100, "[" * 100 + "]" * 100, False),
    "a new field of Amplitude": (b'"odd":{"new":true}', '{"new":true}', False),
}


@pytest.mark.parametrize(("text", "expected", "repaired"), FIELDS.values(), ids=FIELDS.keys())
def test_given_odd_values_then_they_are_kept_or_repaired_and_counted(
    simulator: Simulator, command: Command, text: bytes, expected: object, repaired: bool
) -> None:
    simulator.faults.append(Fault("members", transform=field(text)))
    outcome = command.read()
    assert_whole(outcome, simulator)
    assert all(record["odd"] == expected for record in outcome.records())
    count = len(outcome.uuids)
    [told] = [line for line in outcome.log.splitlines() if "additional_fields" in line]
    assert f"'odd' ({count})" in told
    assert (f"{count} records or answers were repaired" in told) == repaired


# What is sent in place of a field of every event, and what records have there.
VALUES: list[tuple[str, bytes, object]] = [
    ("event_time", b'"2024-03-15 10:04:58"', "2024-03-15T10:04:58Z"),
    ("event_time", b'"2024-03-15 10:04:58.123"', "2024-03-15T10:04:58.123Z"),
    ("event_time", b'"2024-03-15T10:04:58.123Z"', "2024-03-15T10:04:58.123Z"),
    ("event_time", b"null", None),
    ("event_time", b'""', None),
    ("event_time", b'"soon"', None),
    ("event_time", b'"2024-02-30 10:04:58.123000"', None),
    ("event_time", b'"0000-00-00 00:00:00.000000"', None),
    ("event_time", b"1710497098", None),
    ("paying", b'"True"', True),
    ("paying", b'"perhaps"', None),
    ("sample_rate", b'"1.0"', 1.0),
    ("amplitude_id", b'"9007199254740993"', 9007199254740993),
    ("amplitude_id", b"123456789012345678901234567890", None),
    ("city", b"7", "7"),
    ("groups", b'["a"]', None),
]


@pytest.mark.parametrize(("name", "sent", "expected"), VALUES, ids=str)
def test_given_values_of_other_types_then_converted_or_null_and_kept_and_counted(
    simulator: Simulator, command: Command, name: str, sent: bytes, expected: object
) -> None:
    simulator.faults.append(Fault("members", transform=each_line(lambda line: with_value(line, name, sent))))
    outcome = command.read()
    assert_whole(outcome, simulator)
    records = outcome.records()
    assert [record[name] for record in records] == [expected] * len(records)
    if expected is None and sent != b"null":
        assert {record["additional_fields"] for record in records} == {f'{{"{name}":{sent.decode()}}}'}
    else:
        assert {record["additional_fields"] for record in records} == {None}
    told = [line for line in outcome.log.splitlines() if f"'{name}' ({len(records)})" in line]
    assert len(told) == (name != "event_time" or (expected is None and sent != b"null"))


def with_value(line: bytes, name: str, sent: bytes) -> bytes:
    event = json.loads(line)
    event[name] = "the value"
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode().replace(b'"the value"', sent)


def padded(size: int, only_hour: str = "") -> Change:
    """Every event (of an hour) with a text of `size` equal characters."""

    def change(members: Members) -> Members:
        pad = field(b'"pad":"' + b"a" * size + b'"')
        return [pad([member])[0] if only_hour in member[0] else member for member in members]

    return change


def test_given_a_gzip_that_expands_a_thousandfold_then_flat_memory(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("members", transform=padded(1_000_000), hour=NIGHT))
    outcome = command.read(a_config(simulator, start_date="2024-03-15"))
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR + 48 * HOUR, LAST_HOUR)
    assert sum(map(len, outcome.lines)) > 100e6
    assert outcome.peak_rss_bytes < 200e6


def test_given_a_line_of_8_mb_then_it_is_kept_in_bounded_memory(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=1)
    simulator.faults.append(Fault("members", transform=padded(8_000_000, only_hour="_10#"), hour=NIGHT))
    outcome = Command(simulator, tmp_path).read(a_config(simulator, start_date="2024-03-15"))
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert max(len(record.get("pad", "")) for record in outcome.records()) == 8_000_000
    assert outcome.peak_rss_bytes < 500e6


def half_of_the_last_line(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-2], lines[-2][: len(lines[-2]) // 2], b""]


NO_EVENTS: dict[str, tuple[Change, str]] = {
    "half a line": (with_lines(half_of_the_last_line), "line 5"),
    "a list": (with_lines(lambda lines: [*lines[:2], b"[1]", *lines[2:]]), "line 3"),
    "a word": (with_lines(lambda lines: [b"Exceeded concurrent limit", *lines]), "line 1"),
    "something behind an event": (each_line(lambda line: line + b" true"), "line 1"),
    "nesting without end": (field(b'"odd":' + b"[" * 100_000), "line 1"),
}


@pytest.mark.parametrize(("change", "place"), NO_EVENTS.values(), ids=NO_EVENTS.keys())
def test_given_a_line_that_stays_no_event_then_an_error_names_the_place_not_the_content(
    simulator: Simulator, command: Command, change: Change, place: str
) -> None:
    simulator.faults.append(Fault("members", transform=change, hour=NIGHT))
    outcome = command.read()
    assert_failed(outcome, simulator, "system_error", place)
    assert "20240315T00-20240315T20" in outcome.stream_error["message"]
    assert ".json.gz" in outcome.stream_error["message"]
    assert outcome.cursors[-1] == "2024-03-15T00:00:00Z"
    assert len([request for request in simulator.log if request.fault]) == 2, "fetched again once"
    content = ("server_received_time", "Exceeded concurrent")
    assert not any(word in json.dumps(outcome.errors) for word in content)


def test_given_a_member_that_is_no_gzip_then_a_transient_error(simulator: Simulator, command: Command) -> None:
    change = with_member("123456/123456_2024-03-15_0#9.json.gz", b"<html>not now</html>")
    simulator.faults.append(Fault("members", transform=change, hour=NIGHT))
    assert_failed(command.read(), simulator, "transient_error", "is not a gzip file")


def with_a_wrong_crc(archive: bytes) -> bytes:
    """The CRC of its last member is wrong where the ZIP states it; what the member holds is sound."""
    changed = bytearray(archive)
    entry = archive.rindex(b"PK\x01\x02")  # in the directory, whose entries zipfile goes by
    changed[entry + 16] ^= 0xFF
    return bytes(changed)


def test_given_a_wrong_crc_over_sound_gzip_then_it_is_damage_before_any_record(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault("body", change=with_a_wrong_crc, hour=NIGHT))
    outcome = read_a_day(command)
    assert (outcome.exit_code, outcome.records()) == (1, [])
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "Bad CRC-32" in outcome.stream_error["message"]
    assert len(simulator.log) == 5


def of_400_events_an_hour(a_simulator: Callable[..., Simulator], tmp_path: Path) -> tuple[Simulator, Command]:
    """Hours so large that the first records of a member are out before its end is read."""
    simulator = a_simulator(events_per_hour=400)
    command = Command(simulator, tmp_path)
    return simulator, command


def read_a_day(command: Command) -> Outcome:
    return command.read(a_config(command.simulator, start_date="2024-03-15"))


@pytest.mark.parametrize(
    "fault", [Fault("members", transform=with_lines(half_of_the_last_line)), Fault("gzip_crc"), Fault("gzip_cut")],
    ids=["half a line", "wrong gzip crc", "cut gzip"],
)  # fmt: skip
def test_given_damage_that_shows_after_records_are_out_then_still_every_event_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path, fault: Fault
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault(fault.kind, transform=fault.transform, hour=NIGHT, times=1))
    outcome = read_a_day(command)
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert len(outcome.uuids) == len(set(outcome.uuids))
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR + 48 * HOUR, LAST_HOUR)
    assert "fetching it again" in outcome.log


def cut_in_turn(*numbers: int) -> Change:
    """Each time it is asked for, another member is cut short; in the end none."""
    left = list(numbers)

    def change(members: Members) -> Members:
        cut = left.pop(0) if left else None
        return [
            (name, content[: len(content) // 2] if position == cut else content)
            for position, (name, content) in enumerate(members)
        ]

    return change


def test_given_a_second_damage_before_the_place_of_the_first_then_still_every_event_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault("members", transform=cut_in_turn(8, 2, 0, 12), hour=NIGHT))
    outcome = read_a_day(command)
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert outcome.log.count("fetching it again") == 4
    assert len(outcome.uuids) == len(set(outcome.uuids))
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR + 48 * HOUR, LAST_HOUR)


def test_given_odd_values_and_damage_then_what_is_read_again_is_counted_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    cut, put = cut_in_turn(8, 2), field(b'"new":"a\\u0000","sample_rate":"1.0","paying":"perhaps"')
    simulator.faults.append(Fault("members", transform=lambda members: cut(put(members))))
    outcome = command.read(a_config(simulator, start_date="2024-03-15", batch_size_hours=12))
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert outcome.log.count("fetching it again") == 2
    assert len(set(outcome.cursors)) == 2, "several windows"
    count = len(set(outcome.uuids))
    assert len(outcome.uuids) == count
    [told] = [line for line in outcome.log.splitlines() if "additional_fields" in line]
    for part in ("records or answers were repaired", "'new'", "'sample_rate'", "'paying'"):
        assert f"{count:,} {part}" in told or f"{part} ({count:,})" in told, told
    assert "perhaps" not in outcome.log


def test_given_damage_in_ever_other_places_then_a_transient_error_after_five(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault("members", transform=cut_in_turn(5, 2, 8, 0, 3, 1), hour=NIGHT))
    outcome = read_a_day(command)
    assert (outcome.exit_code, outcome.stream_error["failure_type"]) == (1, "transient_error")
    assert "was damaged 5 times" in outcome.stream_error["message"]


def test_given_another_order_after_the_damage_then_an_error_instead_of_a_guess(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault("gzip_crc", hour=NIGHT, times=1))
    simulator.faults.append(Fault("members", transform=with_lines(lambda lines: lines[::-1]), hour=NIGHT))
    outcome = read_a_day(command)
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "two answers" in outcome.stream_error["message"]
    assert outcome.states == [] or outcome.cursors[-1] is None


def test_given_a_damage_and_then_nothing_then_an_error_instead_of_a_guess(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, command = of_400_events_an_hour(a_simulator, tmp_path)
    simulator.faults.append(Fault("gzip_crc", hour=NIGHT, times=1))
    simulator.faults.append(Fault("status", status=404, body=b"Raw data files were not found.", hour=NIGHT))
    outcome = read_a_day(command)
    assert (outcome.exit_code, outcome.stream_error["failure_type"]) == (1, "transient_error")
    assert "contradict" in outcome.stream_error["message"]
