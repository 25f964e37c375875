"""`catalog`: a configured catalog that read and sync take."""

import json
import tempfile
from typing import Any

import pytest

from amplitude_simulator import Simulator
from harness.limits import STUCK_SECONDS, scaled
from harness.runs import INCREMENTAL_STREAMS, Command, Outcome, a_config
from source_amplitude.source import STREAM_NAMES


def catalog(command: Command, *arguments: str, **changes: Any) -> Outcome:
    config = command.file("config.json", a_config(command.simulator, **changes))
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = command.start("catalog", "--config", config, *arguments, stdout=out, stderr=err)
        exit_code = process.wait(scaled(STUCK_SECONDS))
        for file in (out, err):
            file.seek(0)
        printed = out.read()
        messages = [json.dumps(json.loads(printed) | {"type": ""})] if printed else []
        return Outcome(exit_code, messages, err.read(), 0, 0)


def test_given_no_names_then_all_streams_as_they_can_be_synced(simulator: Simulator, command: Command) -> None:
    outcome = catalog(command)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    [printed] = outcome.messages
    assert [entry["stream"]["name"] for entry in printed["streams"]] == list(STREAM_NAMES)
    for entry in printed["streams"]:
        is_incremental = entry["stream"]["name"] in INCREMENTAL_STREAMS
        assert entry["sync_mode"] == ("incremental" if is_incremental else "full_refresh")
        assert entry["destination_sync_mode"] == ("append_dedup" if is_incremental else "overwrite")
        assert entry["primary_key"] == entry["stream"]["source_defined_primary_key"]
        assert entry.get("cursor_field") == entry["stream"].get("default_cursor_field")
        assert entry["stream"]["json_schema"]["properties"]
    assert simulator.log == []


def test_given_names_then_those_in_that_order_and_read_takes_them(command: Command) -> None:
    [printed] = catalog(command, "--streams", "cohorts, events,cohorts").messages
    assert [entry["stream"]["name"] for entry in printed["streams"]] == ["cohorts", "events"]
    del printed["type"]
    outcome = command.read(catalog=printed)
    assert outcome.exit_code == 0
    assert len(outcome.uuids) == 345


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("events,cohrts", "There is no stream cohrts. Did you mean cohorts? The streams are events, user_profiles,"),
        ("xyzzy", "There is no stream xyzzy. The streams are events,"),
        (" , ", "--streams names no stream. The streams are events,"),
    ],
)
def test_given_a_wrong_name_then_one_sentence_with_the_nearest(command: Command, names: str, sentence: str) -> None:
    outcome = catalog(command, "--streams", names)
    assert (outcome.exit_code, outcome.lines) == (1, [])
    assert outcome.stderr.startswith(sentence)
    assert outcome.stderr.count("\n") == 1


def test_given_a_wrong_configuration_then_one_sentence(command: Command) -> None:
    outcome = catalog(command, region="Mars")
    assert (outcome.exit_code, outcome.lines) == (1, [])
    assert outcome.stderr == "Config validation error: region must be one of US, EU.\n"


def test_given_the_eu_then_profiles_are_left_out(command: Command) -> None:
    [printed] = catalog(command, region="EU").messages
    assert "user_profiles" not in [entry["stream"]["name"] for entry in printed["streams"]]
