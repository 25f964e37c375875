import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.schemas import Schema
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.records.schema import stream_schema
from source_amplitude.user_profiles.profile import NotAProfileError, Profile, profile_record, user_data
from source_amplitude.user_profiles.users import User
from unit_tests.strategies import json_values, without_nul

ADA = User("user_id", "ada")
DEVICE = User("device_id", "device-1")
FIELDS = [
    "user_id",
    "device_id",
    "amp_props",
    "cohort_ids",
    "recommendations",
    "computations",
    "propensities",
    "propensity",
]
SCHEMAS = {
    as_string: Schema(*(stream_schema("user_profiles", json_columns_as_string=each) for each in (as_string, False)))
    for as_string in (True, False)
}


def record(
    user: User, data: dict[str, Any], computed: Any = None, json_columns_as_string: bool = False
) -> dict[str, Any]:
    profile = user_data(json.dumps({"userData": data}).encode())
    computations = None if computed is None else user_data(json.dumps({"userData": computed}).encode())
    return made_of(user, profile, computations, json_columns_as_string)[0]


def made_of(
    user: User, profile: Profile, computations: Profile | None = None, json_columns_as_string: bool = False
) -> tuple[dict[str, Any], CoercionStats]:
    """The record, which fits the schema, and what was odd."""
    made, coercions = profile_record(user, profile, computations, json_columns_as_string=json_columns_as_string)
    assert made.count(b"\n") == 1
    record = json.loads(made)
    SCHEMAS[json_columns_as_string].check(record)
    SCHEMAS[json_columns_as_string].check_nul(record)
    return record, coercions


bags = st.dictionaries(st.text(), json_values, max_size=4) | st.none()


@given(amp_props=bags, recommendations=st.lists(bags, max_size=2) | st.none(), new=json_values, as_text=st.booleans())
def test_given_any_bags_then_they_come_through_exactly(
    amp_props: Any, recommendations: Any, new: Any, as_text: bool
) -> None:
    sent = {"user_id": "ada", "amp_props": amp_props, "recommendations": recommendations, "a new field": new}
    made = record(ADA, sent, json_columns_as_string=as_text)
    data = without_nul(sent)
    assert list(made) == [*FIELDS, "a new field", "additional_fields"]
    kept = made["additional_fields"]
    assert (json.loads(kept) if as_text else kept) == {"a new field": data["a new field"]}
    for name in ("amp_props", "recommendations", "a new field"):
        if as_text and isinstance(data[name], (dict, list)):
            assert json.loads(made[name]) == data[name]
        else:
            assert made[name] == data[name]


def test_given_both_then_properties_and_computations_are_told_apart() -> None:
    made = record(ADA, {"user_id": "ada", "amp_props": {"plan": "free"}}, {"amp_props": {"orders": 3}})
    assert (made["amp_props"], made["computations"]) == ({"plan": "free"}, {"orders": 3})


def test_given_computations_only_then_they_are_no_properties() -> None:
    profile = user_data(b'{"userData": {"user_id": "ada", "amp_props": {"orders": 3}}}')
    made, _ = made_of(ADA, profile, profile)
    assert (made["amp_props"], made["computations"]) == (None, {"orders": 3})


@pytest.mark.parametrize(
    ("user", "data", "key", "device"),
    [
        (ADA, {"user_id": "ada", "device_id": "d"}, "ada", "d"),
        (ADA, {}, "ada", None),
        (ADA, {"user_id": None, "device_id": "d"}, "ada", "d"),
        (DEVICE, {"user_id": None, "device_id": None}, "device-1", "device-1"),
        (DEVICE, {"user_id": "", "device_id": "device-1"}, "device-1", "device-1"),
        (DEVICE, {"user_id": "ada", "device_id": "device-1"}, "ada", "device-1"),
        (ADA, {"user_id": 12345678901234567890}, "12345678901234567890", None),
    ],
)
def test_the_key_is_never_null(user: User, data: dict[str, Any], key: str, device: str | None) -> None:
    made = record(user, data)
    assert (made["user_id"], made["device_id"]) == (key, device)


@pytest.mark.parametrize("as_text", [True, False])
def test_cohort_ids_are_strings_in_both_formats(as_text: bool) -> None:
    made = record(ADA, {"cohort_ids": ["a", 12345678901234567890]}, json_columns_as_string=as_text)
    assert made["cohort_ids"] == ["a", "12345678901234567890"]
    assert record(ADA, {"cohort_ids": None}, json_columns_as_string=as_text)["cohort_ids"] is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"userData": null}', b'{"userData": 1}', b"<html>", b"\xff"])
def test_given_no_profile_then_an_error_without_its_content(body: bytes) -> None:
    with pytest.raises(NotAProfileError) as caught:
        user_data(body)
    assert "html" not in str(caught.value)


def test_given_line_breaks_between_values_then_the_record_is_one_line() -> None:
    bag = b'{\r\n  "big": 1234567890123456789012,\n  "text": "a\\nb"\n}'
    pretty = b'{"userData": {\r\n "user_id": "ada",\n "amp_props": %b}}' % bag
    made, _ = profile_record(ADA, user_data(pretty), None, json_columns_as_string=False)
    assert made.count(b"\n") == 1
    assert made.endswith(b"\n")
    assert b'"amp_props":{"big":1234567890123456789012,"text":"a\\nb"}' in made


def test_given_json_that_is_not_strict_then_it_is_repaired() -> None:
    bag = b'{"a": NaN, "b": "\\ud800", "c": 1.50, "d\\u0000": "\\u0000"}'
    made, coercions = made_of(ADA, user_data(b'{"userData": {"user_id": "ada", "amp_props": %b}}' % bag))
    assert made["amp_props"] == {"a": None, "b": "\ufffd", "c": 1.5, "d\ufffd": "\ufffd"}
    assert coercions == CoercionStats(repaired=1)


@pytest.mark.parametrize("as_text", [True, False])
def test_given_values_of_other_types_then_they_are_converted_or_kept_and_counted(as_text: bool) -> None:
    data = {"user_id": ["a"], "amp_props": "text", "cohort_ids": "abc", "propensity": "0.5", "propensities": {"a": 1}}
    profile = user_data(json.dumps({"userData": data}).encode())
    made, coercions = made_of(ADA, profile, Profile({"amp_props": msgspec.Raw(b"[1]")}), json_columns_as_string=as_text)
    kept = json.loads(made["additional_fields"]) if as_text else made["additional_fields"]
    assert (made["user_id"], made["propensity"]) == ("ada", 0.5)
    nulled = {**data, "computations": [1]}
    del nulled["propensity"]
    assert kept == nulled
    assert [made[name] for name in ("amp_props", "cohort_ids", "propensities", "computations")] == [None] * 4
    assert coercions == CoercionStats(converted={"propensity": 1}, nulled=dict.fromkeys(nulled, 1))


def test_given_an_id_with_nul_in_it_then_the_key_has_none() -> None:
    made, _ = made_of(User("user_id", "a\x00da"), user_data(b'{"userData": {}}'))
    assert made["user_id"] == "a\ufffdda"
