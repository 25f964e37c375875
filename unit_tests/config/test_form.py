"""The form that Airbyte shows: every field explained and in its place, every example and default acceptable."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft7Validator

from source_amplitude.config.form import connection_specification
from source_amplitude.config.model import AllCohorts, Config

SPECIFICATION = connection_specification()
FILLED_IN_BY_EVERYBODY = ["api_key", "secret_key", "region", "start_date"]
Field = tuple[str, Mapping[str, Any]]


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[Field]:
    """Every field of the form with its path, those of choices included."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}{name}"
        yield here, field
        yield from fields(field, f"{here}.")
        for choice in field.get("oneOf", []):
            yield from fields(choice, f"{here}[{choice['title']}].")


FIELDS = dict(fields(SPECIFICATION))
every_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS.keys())


@every_field
def test_it_has_title_description_and_order(field: Mapping[str, Any]) -> None:
    assert field["title"]
    assert len(field["description"]) > 15
    assert field["description"].endswith(".")
    assert isinstance(field["order"], int)


@every_field
def test_its_examples_and_its_default_are_acceptable(field: Mapping[str, Any]) -> None:
    given = [*field.get("examples", []), *([field["default"]] if "default" in field else [])]
    for value in given:
        Draft7Validator(field).validate(value)


@every_field
def test_numbers_have_a_range_and_patterns_a_descriptor(field: Mapping[str, Any]) -> None:
    assert field["type"] != "integer" or {"minimum", "maximum", "default"} <= field.keys()
    assert ("pattern" in field) == ("pattern_descriptor" in field)
    assert "enum" not in field or field["default"] in field["enum"]


def objects(schema: Mapping[str, Any], path: str = "form") -> Iterator[Field]:
    if "properties" in schema:
        yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from objects(field, name)
        for choice in field.get("oneOf", []):
            yield from objects(choice, f"{name}[{choice['title']}]")


OBJECTS = dict(objects(SPECIFICATION))


@pytest.mark.parametrize("schema", OBJECTS.values(), ids=OBJECTS.keys())
def test_the_order_is_that_of_the_file_without_gaps(schema: Mapping[str, Any]) -> None:
    orders = [field["order"] for field in schema["properties"].values()]
    assert orders == list(range(len(orders)))


def test_secrets_are_exactly_the_keys() -> None:
    assert {path for path, field in FIELDS.items() if field.get("airbyte_secret")} == {"api_key", "secret_key"}
    assert set(SPECIFICATION["required"]) == {"api_key", "secret_key"}


def test_what_everybody_fills_in_comes_first_and_each_field_is_in_a_group_that_exists() -> None:
    groups = [group["id"] for group in SPECIFICATION["groups"]]
    assert all(group["title"] for group in SPECIFICATION["groups"])
    top = SPECIFICATION["properties"]
    assert list(top)[: len(FILLED_IN_BY_EVERYBODY)] == FILLED_IN_BY_EVERYBODY
    used = [field["group"] for field in top.values()]
    assert used == sorted(used, key=groups.index), "groups are not torn apart"
    assert set(used) == set(groups)


def choices() -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    yield from ((path, field["oneOf"]) for path, field in FIELDS.items() if "oneOf" in field)


@pytest.mark.parametrize(("path", "options"), choices())
def test_choices_are_told_apart_by_one_constant(path: str, options: list[Mapping[str, Any]]) -> None:
    names = {name for option in options for name, field in option["properties"].items() if "const" in field}
    assert len(names) == 1, path
    [name] = names
    constants = [option["properties"][name]["const"] for option in options]
    assert len(constants) == len(set(constants))
    assert all(option["title"] and name in option["required"] for option in options)
    assert all("enum" not in option["properties"][name] for option in options)


def test_a_form_with_every_default_is_the_configuration_of_an_empty_form() -> None:
    keys = {"api_key": "an-api-key", "secret_key": "a-secret-key"}
    defaults = {name: field["default"] for name, field in SPECIFICATION["properties"].items() if "default" in field}
    profiles = SPECIFICATION["properties"]["user_profiles"]["properties"]
    defaults["user_profiles"] = {name: field["default"] for name, field in profiles.items() if "default" in field}
    assert Config.from_mapping({**keys, **defaults}) == Config.from_mapping(keys)


def test_what_is_easily_forgotten_is_not_folded_away() -> None:
    shown = {path for path, field in FIELDS.items() if field.get("always_show")}
    assert shown == {
        "region",
        "start_date",
        "user_profiles",
        "user_profiles.users",
        "cohort_members",
        "cohort_members.cohorts",
    }


def test_no_two_cards_or_fields_have_nearly_the_same_title() -> None:
    titles = [group["title"] for group in SPECIFICATION["groups"]] + [field["title"] for field in FIELDS.values()]
    plain = [title.lower().rstrip("s") for title in titles if title != "Selection"]
    assert sorted(plain) == sorted(set(plain))


def test_the_start_is_picked_from_a_calendar() -> None:
    assert FIELDS["start_date"]["format"] == "date-time"


def test_the_default_number_of_cohorts_fits_a_sync_a_day() -> None:
    most = FIELDS["cohort_members.cohorts[All Cohorts].max_cohorts"]["default"]
    assert most * 31 <= 500 < (most + 1) * 31
    cohorts = {"cohorts": {"selection": "all"}}
    config = Config.from_mapping({"api_key": "k", "secret_key": "s", "cohort_members": cohorts})
    assert config.cohort_members.cohorts == AllCohorts(max_cohorts=most)


@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_the_keys_are_linked_to_where_they_are(name: str) -> None:
    assert "https://amplitude.com/docs/apis/keys-and-tokens" in FIELDS[name]["description"]
