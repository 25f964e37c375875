"""The last log line of a sync of `events` says what was asked for, answered and emitted, and its sums are right."""

import re
from collections.abc import Callable
from pathlib import Path

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR
from harness.runs import Command, Outcome, a_config
from integration_tests.faults.contents import with_lines

LAST_LINE = re.compile(
    r"^events: asked for (?P<asked>[\d,]+) hours?, (?P<answered>[\d,]+) answered"
    r"(?:, and again for (?P<again>[\d,]+) of earlier syncs)?: "
    r"(?P<archives>[\d,]+) archives? of (?P<bytes>[\d,]+) bytes? with (?P<lines>[\d,]+) lines?, "
    r"(?P<without_data>[\d,]+) hours? without data; emitted (?P<records>[\d,]+) records? in [\d.]+ s; "
    r"(?:the next incremental sync begins at \S+ UTC|no state yet)$",
    re.MULTILINE,
)


def totals(outcome: Outcome) -> dict[str, int]:
    [found] = LAST_LINE.finditer(outcome.log)
    return {name: int((text or "0").replace(",", "")) for name, text in found.groupdict().items()}


def bytes_served(simulator: Simulator) -> int:
    return sum(request.bytes_sent for request in simulator.log if request.status == 200)


def test_given_a_whole_sync_with_blank_lines_then_its_totals_are_those_of_the_messages(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator()
    simulator.faults.append(Fault("members", transform=with_lines(lambda lines: [*lines, b"", b"  "])))
    start = f"{FIRST_HOUR - 24 * HOUR:%Y-%m-%d}"
    outcome = Command(simulator, tmp_path).read(a_config(simulator, start_date=start))
    assert len(outcome.records()) == 69 * 5
    assert totals(outcome) == {
        "asked": 93, "answered": 93, "again": 0, "archives": 3, "bytes": bytes_served(simulator), "lines": 69 * 5,
        "without_data": 24, "records": 69 * 5,
    }  # fmt: skip


def test_given_a_sync_that_fails_one_that_continues_and_one_with_late_hours_then_each_says_what_it_emitted(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(late={FIRST_HOUR + 40 * HOUR: 12 * HOUR})
    command = Command(simulator, tmp_path)
    bad_line = with_lines(lambda lines: [*lines[:3], b"[1]", *lines[3:]])

    def sync(newest_hour: int, state: list[dict[str, object]] | None) -> Outcome:
        simulator.now = FIRST_HOUR + (newest_hour + 3) * HOUR
        simulator.clear_log()
        outcome = command.read(a_config(simulator, num_workers=1), state, settings={"events.lines.BLOCK_BYTES": 1})
        assert totals(outcome)["records"] == totals(outcome)["lines"] == len(outcome.records())
        return outcome

    simulator.faults.append(Fault("members", hour=FIRST_HOUR + 30 * HOUR, transform=bad_line))
    failed = sync(48, None)
    assert failed.exit_code == 1
    assert totals(failed)["asked"] == 49
    assert totals(failed)["answered"] == 48
    assert len(failed.records()) > 24 * 5, "those before the line came too"

    simulator.faults.clear()
    continued = sync(48, failed.last_state)
    assert totals(continued)["asked"] == totals(continued)["answered"] == 25
    assert totals(continued)["archives"] == 2
    assert totals(continued)["bytes"] == bytes_served(simulator)

    late = sync(56, continued.last_state)
    assert totals(late)["asked"] == totals(late)["answered"] == 8
    assert totals(late)["again"] == 49 - 24
    assert totals(late)["records"] == 8 * 5 + 24 * 5, "the window with the late hour is emitted again"
