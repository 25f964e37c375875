"""The streams that are read whole: their records, and the forms of answers that were seen."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amplitude_simulator import Cohort, Fault, RestData, Simulator
from amplitude_simulator.rest.cohorts import SYNC, a_cohort
from harness.rest import SNAPSHOTS, as_they_came, read_streams
from harness.runs import Command, Outcome

IN_ONE_ANSWER = [stream for stream in SNAPSHOTS if stream != "cohort_members"]
COMPLETE = {"__ab_no_cursor_state_message": True}


@pytest.fixture
def command(command: Command) -> Command:
    command.warm = True
    return command


def objects(command: Command, *streams: str) -> Outcome:
    outcome = read_streams(command, *streams, properties_format="object")
    assert outcome.exit_code == 0, outcome.everything
    return outcome


def test_given_the_list_of_events_then_a_record_each_as_amplitude_has_it(
    simulator: Simulator, command: Command
) -> None:
    records = as_they_came(objects(command, "events_list"), "events_list")
    assert records == json.loads(simulator.rest.dashboard.events().body)["data"]  # type: ignore[arg-type]
    assert {type(record["timeline_hidden"]) for record in records} == {bool}, "0 was seen too"
    assert [record["value"] for record in records] == ["checkout", "search", "page viewed", "ce:Any purchase"]
    assert "id" not in records[-1], "a custom event, which may have none"


def test_given_cohorts_then_all_fields_and_how_they_are_synced(
    a_simulator: Callable[..., Simulator], tmp_path: Any
) -> None:
    cohorts = (Cohort("a"), Cohort("b", fields={"appId": "204411", "type": "manual_upload"}))
    simulator = a_simulator(rest=RestData(cohorts=cohorts))
    outcome = objects(Command(simulator, tmp_path), "cohorts")
    records = as_they_came(outcome, "cohorts")
    expected = [{**a_cohort(cohort), "syncMetadata": [SYNC]} for cohort in cohorts]
    expected[1]["appId"] = 204411
    assert records == expected
    assert "cohorts: converted to the declared type: 'appId' (1)" in outcome.log


def test_given_values_of_other_types_and_fields_that_nobody_knew_then_converted_or_kept(
    a_simulator: Callable[..., Simulator], tmp_path: Any
) -> None:
    odd = {"size": "12", "name": 7, "metadata": [1, "a"], "view_count": 1.5, "archived": "yes", "new": {"x": [1]}}
    simulator = a_simulator(rest=RestData(cohorts=(Cohort("a", fields=odd),)))
    outcome = objects(Command(simulator, tmp_path), "cohorts")
    [record] = outcome.records("cohorts")
    assert (record["size"], record["name"], record["metadata"]) == (12, "7", ["1", "a"])
    assert (record["view_count"], record["archived"], record["new"]) == (None, None, {"x": [1]})
    assert record["additional_fields"] == {"view_count": 1.5, "archived": "yes", "new": {"x": [1]}}
    assert "not of the declared type, so null and kept in additional_fields: 'archived' (1)" in outcome.log


@pytest.mark.parametrize("category_name", ["name", "category"])
def test_given_either_form_of_a_category_then_the_same_annotations(
    a_simulator: Callable[..., Simulator], tmp_path: Any, category_name: str
) -> None:
    simulator = a_simulator(rest=RestData(category_name=category_name))
    records = as_they_came(objects(Command(simulator, tmp_path), "annotations"), "annotations")
    assert [record["date"] for record in records] == ["2024-03-13", "2024-03-14", "2024-03-15", "2024-03-16"]
    assert [record["category"] for record in records] == [
        {"id": 5512, "name": "Releases"}, {"id": 5513, "name": "Kampagnen 🎉"}, None,
        {"id": 5513, "name": "Kampagnen 🎉"},
    ]  # fmt: skip
    assert [record["start"] for record in records][1] == "2024-03-14T08:00:00Z"


def test_given_categories_then_a_record_each(command: Command) -> None:
    records = as_they_came(objects(command, "annotation_categories"), "annotation_categories")
    assert records == [{"id": 5512, "name": "Releases"}, {"id": 5513, "name": "Kampagnen 🎉"}]


def test_given_event_properties_then_the_shared_ones_and_those_of_each_event_type(
    a_simulator: Callable[..., Simulator], tmp_path: Any
) -> None:
    simulator = a_simulator(rest=RestData(event_types=("checkout", "gone", "a & b"), unknown_event_types=("gone",)))
    outcome = objects(Command(simulator, tmp_path), "taxonomy_event_properties")
    records = outcome.records("taxonomy_event_properties")
    keys = [(record["event_type"], record["event_property"]) for record in records]
    assert keys == [
        ("_all", "currency"), ("_all", "referrer"), ("checkout", "price"), ("checkout", "sizes"), ("a & b", "price"),
        ("a & b", "sizes"),
    ]  # fmt: skip
    assert [record["enum_values"] for record in records] == [None, None, None, ["S", "M"], None, ["S", "M"]]


@pytest.mark.parametrize(
    ("words", "failure_type"), [("Not found", None), ("Not in your plan", "system_error")], ids=["not found", "plan"]
)
def test_given_404_for_an_event_type_then_the_others_come_and_it_is_no_word_on_the_plan(
    command: Command, words: str, failure_type: str | None
) -> None:
    body = json.dumps({"success": False, "errors": [{"message": words}]}).encode()
    path = "/api/2/taxonomy/event-property"
    command.simulator.faults.append(Fault("status", api="rest", path=path, event_type="search", status=404, body=body))
    outcome = read_streams(command, "taxonomy_event_properties")
    records = outcome.records("taxonomy_event_properties")
    if failure_type:
        assert outcome.stream_error["failure_type"] == failure_type
    else:
        assert outcome.exit_code == 0
        assert {record["event_type"] for record in records} == {"_all", "checkout", "page viewed"}


def test_given_the_tracking_plan_then_events_user_properties_and_categories(command: Command) -> None:
    outcome = objects(command, "taxonomy_events", "taxonomy_user_properties", "taxonomy_categories")
    events = outcome.records("taxonomy_events")
    assert [event["event_type"] for event in events] == ["checkout", "search", "page viewed"]
    assert [event["category"] for event in events] == [{"name": "Orders"}, None, {"name": "Orders"}]
    properties = outcome.records("taxonomy_user_properties")
    assert [(one["user_property"], one["enum_values"]) for one in properties] == [
        ("gp:plan", ["free", "pro"]),
        ("gp:city", None),
    ]
    assert [one["name"] for one in outcome.records("taxonomy_categories")] == ["Orders", "Navigation"]


def test_given_json_string_then_objects_and_arrays_are_text_and_lists_of_texts_stay(command: Command) -> None:
    as_text = read_streams(command, *IN_ONE_ANSWER)
    as_objects = objects(command, *IN_ONE_ANSWER)
    texts = {("cohorts", "definition"), ("cohorts", "syncMetadata"), ("annotations", "category"),
             ("taxonomy_events", "category")}  # fmt: skip
    found = set()
    for stream in IN_ONE_ANSWER:
        for ours, other in zip(as_text.records(stream), as_objects.records(stream), strict=True):
            for name, value in other.items():
                if (stream, name) in texts and value is not None:
                    assert json.loads(ours[name]) == value
                    found.add((stream, name))
                else:
                    assert ours[name] == value
    assert found == texts


def test_given_a_snapshot_then_its_state_says_no_more_than_that_it_is_done(command: Command) -> None:
    outcome = read_streams(command, *IN_ONE_ANSWER)
    assert outcome.exit_code == 0
    assert [state["stream"]["stream_state"] for state in outcome.states] == [COMPLETE] * len(IN_ONE_ANSWER)
    assert [state["sourceStats"]["recordCount"] for state in outcome.states] == [
        len(outcome.records(stream)) for stream in IN_ONE_ANSWER
    ]
