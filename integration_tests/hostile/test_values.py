"""Values that no reader expects, in any answer: one record at most differs, it is counted, and the stream goes on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from amplitude_simulator.rest.data import Cohort
from harness.moments import FIRST_HOUR
from harness.profiles import active, keys_of, listed, read_profiles
from harness.rest import ALL_COHORTS, read_streams
from harness.runs import Command, a_config
from integration_tests.faults.contents import each_line
from integration_tests.faults.expect import LAST_HOUR

Change = Callable[[Any], None]
MARK = "put the value here"
DEEP = b"[" * 501 + b"]" * 501
# A value as it is sent; as text of JSON, how it is in a bag or a text; whether the answer had to be repaired.
HOSTILE = {
    "half a surrogate": (b'"\\ud83d"', '"\ufffd"', True),
    "broken UTF-8": (b'"Z\xfcrich"', '"Z\ufffdrich"', True),
    "NUL": (b'"a\\u0000b"', '"a\ufffdb"', True),
    "a raw line break": (b'"a\nb"', json.dumps("a\nb"), True),
    "NaN": (b"NaN", "null", True),
    "5,000 digits": (b"7" * 5000, json.dumps("7" * 5000), False),
    "1e999": (b"1e999", "1e999", False),
    "a list": (b"[1,{}]", "[1,{}]", False),
    "too deep": (DEEP, None, True),
    "100,000 levels": (b"[" * 100_000 + b"]" * 100_000, None, True),
}  # fmt: skip
VALUES = [pytest.param(*case, id=name) for name, case in HOSTILE.items()]
LISTS = {
    "events_list": ("/api/2/events/list", "data", "value"),
    "cohorts": ("/api/3/cohorts", "cohorts", "id"),
    "annotations": ("/api/3/annotations", "data", "id"),
    "annotation_categories": ("/api/3/annotation-categories", "data", "id"),
    "taxonomy_events": ("/api/2/taxonomy/event", "data", "event_type"),
    "taxonomy_user_properties": ("/api/2/taxonomy/user-property", "data", "user_property"),
    "taxonomy_categories": ("/api/2/taxonomy/category", "data", "id"),
}


def changed(change: Change, value: bytes = b"") -> Callable[[bytes], bytes]:
    """The body of an answer after a change of its JSON, with `value` in place of `MARK`."""

    def of_body(body: bytes) -> bytes:
        answer = json.loads(body)
        change(answer)
        return json.dumps(answer, ensure_ascii=False).encode().replace(json.dumps(MARK).encode(), value)

    return of_body


def set_field(*path: Any, value: Any = MARK) -> Change:
    def change(answer: Any) -> None:
        for step in path[:-1]:
            answer = answer[step]
        answer[path[-1]] = value

    return change


def text_of(value: str) -> Any:
    return json.loads(value, parse_int=str, parse_float=str)


@pytest.mark.parametrize(("sent", "kept", "is_repaired"), VALUES)
def test_given_a_profile_with_it_then_it_comes_and_so_do_the_users_after_it(
    command: Command, sent: bytes, kept: str | None, is_repaired: bool
) -> None:
    change = changed(set_field("userData", "amp_props", "odd"), sent)
    command.simulator.faults.append(Fault("body", api="profile", user="u2", change=change))
    outcome = read_profiles(command, listed(["u1", "u2", "u3"]))
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert keys_of(outcome) == ["u1", "u2", "u3"]
    odd = text_of(outcome.records("user_profiles")[1]["amp_props"])["odd"]
    if kept is not None:
        assert odd == text_of(kept)  # a number as its digits, whatever its length
    else:
        assert_nested(odd, sent, levels=97)  # below the answer, the profile and its bag
    assert ("1 records or answers were repaired" in outcome.log) == is_repaired


def test_given_user_data_that_is_a_list_then_one_user_is_told_and_the_others_come(command: Command) -> None:
    change = changed(set_field("userData", value=[1]))
    command.simulator.faults.append(Fault("body", api="profile", user="u2", change=change))
    outcome = read_profiles(command, listed(["u1", "u2", "u3"]))
    assert keys_of(outcome) == ["u1", "u3"]
    assert "User 2 could not be read and is left out: 200, but not a JSON object with userData" in outcome.log


@pytest.mark.parametrize(
    ("stream", "sent", "kept", "is_repaired"),
    [
        *(pytest.param("events_list", *case, id=name) for name, case in HOSTILE.items()),
        *(pytest.param(stream, *HOSTILE["too deep"], id=stream) for stream in LISTS),
    ],
)
def test_given_an_entry_of_a_list_with_it_then_every_record_comes_and_it_is_counted(
    command: Command, stream: str, sent: bytes, kept: str | None, is_repaired: bool
) -> None:
    path, entries, key = LISTS[stream]
    expected = read_streams(command, stream)
    change = changed(set_field(entries, 0, "odd"), sent)
    command.simulator.faults.append(Fault("body", api="rest", path=path, change=change))
    outcome = read_streams(command, stream)
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    records = outcome.records(stream)
    assert [record[key] for record in records] == [record[key] for record in expected.records(stream)]
    assert records[1:] == expected.records(stream)[1:]
    odd = text_of(records[0]["additional_fields"])["odd"]
    if kept is not None:
        assert odd == text_of(kept)
    else:
        assert_nested(odd, sent, levels=97)  # below the answer, its list and the entry
    assert "not declared, so kept in additional_fields too: 'odd' (1)" in outcome.log
    assert ("1 records or answers were repaired" in outcome.log) == is_repaired


@pytest.mark.parametrize(
    ("stream", "lacking"),
    [
        *((stream, "missing") for stream in LISTS),
        *(("cohorts", lacking) for lacking in ("null", "empty", "no object")),
    ],
)
def test_given_an_entry_without_its_key_then_it_is_left_out_and_counted(
    command: Command, stream: str, lacking: str
) -> None:
    path, entries, key = LISTS[stream]
    expected = read_streams(command, stream).records(stream)
    command.simulator.faults.append(
        Fault("body", api="rest", path=path, change=changed(without(entries, key, lacking)))
    )
    outcome = read_streams(command, stream)
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert outcome.records(stream) == expected[1:]
    assert f"{stream}: 1 entries have no key and are left out" in outcome.log


def without(entries: str, key: str, lacking: str, first: int = 0, last: int = 1) -> Change:
    def change(answer: Any) -> None:
        for number in range(first, min(last, len(answer[entries]))):
            if lacking == "missing":
                del answer[entries][number][key]
            elif lacking == "no object":
                answer[entries][number] = ["x"]
            else:
                answer[entries][number][key] = {"null": None, "empty": ""}[lacking]

    return change


@pytest.mark.parametrize("stream", ["events_list", "taxonomy_events"])
def test_given_no_entry_with_its_key_then_an_error_and_no_empty_table(command: Command, stream: str) -> None:
    path, entries, key = LISTS[stream]
    change = changed(without(entries, key, "missing", 0, 1000))
    command.simulator.faults.append(Fault("body", api="rest", path=path, change=change))
    outcome = read_streams(command, stream)
    assert outcome.stream_error["failure_type"] == "system_error"
    assert f"that Amplitude has for the stream {stream} has its key ({key})" in outcome.stream_error["message"]


def test_given_no_id_in_the_list_of_events_then_each_sync_has_the_same_keys(command: Command) -> None:
    def change(answer: Any) -> None:
        for entry in answer["data"]:
            entry.pop("id", None)

    command.simulator.faults.append(Fault("body", api="rest", path="/api/2/events/list", change=changed(change)))
    syncs = [read_streams(command, "events_list") for _ in range(3)]
    keys = {record["value"] for outcome in syncs for record in outcome.records("events_list")}
    assert keys == {"checkout", "search", "page viewed", "ce:Any purchase"}
    assert all(len(outcome.records("events_list")) == 4 for outcome in syncs)


def test_given_a_property_without_its_name_then_it_is_left_out_and_counted(command: Command) -> None:
    path = "/api/2/taxonomy/event-property"
    change = changed(set_field("data", 0, "event_property", value=None))
    command.simulator.faults.append(Fault("body", api="rest", path=path, event_type="search", change=change))
    outcome = read_streams(command, "taxonomy_event_properties")
    keys = [(record["event_type"], record["event_property"]) for record in outcome.records("taxonomy_event_properties")]
    assert ("search", "sizes") in keys
    assert ("search", "price") not in keys
    assert "taxonomy_event_properties: 1 entries have no key and are left out" in outcome.log


@pytest.mark.parametrize("cohort_id", [None, "", {"a": 1}])
def test_given_a_cohort_without_an_id_then_the_members_of_the_others_come(
    a_simulator: Callable[..., Simulator], tmp_path: Any, cohort_id: Any
) -> None:
    command = Command(a_simulator(rest=RestData(cohorts=(Cohort("a", size=3), Cohort("b", size=2)))), tmp_path)
    change = changed(set_field("cohorts", 0, "id", value=cohort_id))
    command.simulator.faults.append(Fault("body", api="rest", path="/api/3/cohorts", change=change))
    outcome = read_streams(command, "cohort_members", cohort_members={"cohorts": ALL_COHORTS})
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert [record["cohort_id"] for record in outcome.records("cohort_members")] == ["b", "b"]
    assert "left out are cohorts without an id: 1" in outcome.log


@pytest.mark.parametrize(
    ("stream", "path", "field"),
    [
        ("active_users", "/api/2/users", ("data", "series", 0, 0)),
        ("average_session_length", "/api/2/sessions/average", ("data", "series", 0, 0)),
        ("session_length_distribution", "/api/2/sessions/length", ("data", "series", 0, 0)),
    ],
)
@pytest.mark.parametrize(("sent", "kept", "is_repaired"), VALUES)
def test_given_a_number_of_a_day_that_is_none_then_every_day_comes_and_it_is_kept(
    command: Command, stream: str, path: str, field: tuple[Any, ...], sent: bytes, kept: str | None, is_repaired: bool
) -> None:
    expected = read_streams(command, stream)
    command.simulator.faults.append(
        Fault("body", api="rest", path=path, change=changed(set_field(*field), sent), times=1)
    )
    outcome = read_streams(command, stream)
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    records = outcome.records(stream)
    assert [record["date"] for record in records] == [record["date"] for record in expected.records(stream)]
    assert outcome.last_state == expected.last_state
    if kept is not None and kept != "null":
        holder = "statistics" if stream == "active_users" else "additional_fields"
        assert text_of(kept) in text_of(records[0][holder]).values()


def test_given_countries_whose_repaired_names_are_the_same_then_each_has_its_number(command: Command) -> None:
    def change(answer: Any) -> None:
        answer["data"]["seriesLabels"][:2] = ["x\0", MARK]

    command.simulator.faults.append(
        Fault("body", api="rest", path="/api/2/users", change=changed(change, b'"x\\ud83d"'), times=1)
    )
    outcome = read_streams(command, "active_users")
    statistics = json.loads(outcome.records("active_users")[0]["statistics"])
    assert list(statistics) == ["x\ufffd", "x\ufffd (2)", "(none)"]


AVERAGE, DISTRIBUTION = "average_session_length", "session_length_distribution"


@pytest.mark.parametrize(
    ("stream", "change"),
    [
        (AVERAGE, set_field("data", "xValues", 0, value=None)),
        (AVERAGE, set_field("data", "xValues", 0, value="")),
        (AVERAGE, set_field("data", "xValues", 0, value={"day": 1})),
        (AVERAGE, set_field("data", "series", value={"a": 1})),
        (AVERAGE, set_field("data", value=[1])),
        (DISTRIBUTION, set_field("data", "xValues", 0, value=None)),
        (DISTRIBUTION, set_field("data", "xValues", 0, value="")),
    ],
)
def test_given_a_day_without_its_key_then_an_error_and_no_state_passes_it(
    command: Command, stream: str, change: Change
) -> None:
    command.simulator.faults.append(Fault("body", api="rest", path="/api/2/sessions/*", change=changed(change)))
    outcome = read_streams(command, stream)
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "200, but in another form than expected" in outcome.stream_error["message"]
    assert outcome.records(stream) == []
    assert outcome.states == []


@pytest.mark.parametrize("levels", [501, 3_000, 100_000])
def test_given_an_event_nested_so_deeply_then_its_hour_is_read_and_it_is_counted(command: Command, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    change = each_line(lambda line: line[:-1] + b',"data":{"odd":' + deep + b"}}")
    command.simulator.faults.append(Fault("members", hour=LAST_HOUR, transform=change))
    outcome = command.read(None)
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    odd = [record["data"] for record in outcome.records() if "[[" in record["data"]]
    assert odd
    assert f"{len(odd)} records or answers were repaired" in outcome.log
    assert_nested(json.loads(odd[0])["odd"], deep, levels=98)


@pytest.mark.parametrize("key", [b"null", b'""', b"{}", None], ids=["null", "empty", "an object", "missing"])
def test_given_events_without_their_key_then_each_sync_makes_the_same_one_of_each(
    command: Command, key: bytes | None
) -> None:
    def change(line: bytes) -> bytes:
        event = json.loads(line)
        del event["uuid"]
        return json.dumps(event).encode()[:-1] + (b"}" if key is None else b',"uuid":' + key + b"}")

    command.simulator.faults.append(Fault("members", hour=LAST_HOUR, transform=each_line(change)))
    syncs = [command.read(None) for _ in range(2)]
    assert all(outcome.exit_code == 0 for outcome in syncs)
    first, second = (outcome.uuids for outcome in syncs)
    assert first == second
    assert len(set(first)) == len(first) == len(command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR))
    assert "records came without a key: it is made of their content" in syncs[0].log


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_given_attribution_ids_as_a_list_then_they_are_in_their_column_and_there_is_no_warning(
    command: Command, properties_format: str
) -> None:
    change = each_line(lambda line: line[:-1] + b',"amplitude_attribution_ids":["a", "b"]}')
    command.simulator.faults.append(Fault("members", transform=change))
    outcome = command.read(a_config(command.simulator, properties_format=properties_format))
    assert {record["amplitude_attribution_ids"] for record in outcome.records()} == {'["a", "b"]'}
    assert {record["additional_fields"] for record in outcome.records()} == {None}
    assert not any(
        message["log"]["level"] == "WARN"
        for message in outcome.of_type("LOG")
        if "events:" in message["log"]["message"]
    )


def test_given_active_users_then_an_event_nested_so_deeply_hides_none_of_them(command: Command) -> None:
    expected = set(keys_of(read_profiles(command, active(1))))
    deep = b"[" * 5000 + b"]" * 5000
    change = each_line(lambda line: line[:-1] + b',"data":{"odd":' + deep + b"}}")
    command.simulator.faults.append(Fault("members", transform=change))
    outcome = read_profiles(command, active(1))
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert set(keys_of(outcome)) == expected


def assert_nested(found: Any, sent: bytes, levels: int) -> None:
    """A value of so many levels, and what is below them as text."""
    for _ in range(levels):
        [found] = found
    assert found == sent[levels:-levels].decode()
