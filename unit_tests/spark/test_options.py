import logging
import re
from pathlib import Path

import pytest

from source_amplitude.config.model import AllCohorts, CohortMembersConfig, ListedCohorts, ListedUsers
from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import parse_export_hour
from source_amplitude.spark import labs
from source_amplitude.spark.options import FOREIGN, KNOWN, OTHER_NAMES, TABLE, Options

pytestmark = pytest.mark.spark

LOGGER = logging.getLogger("test")
KEYS = {"api_key": "0123", "secret_key": "4567"}


def options(**given: str) -> Options:
    return Options.of({**KEYS, **given}, LOGGER)


def test_given_texts_then_they_are_typed_and_names_may_be_in_any_case() -> None:
    found = options(API_KEY="abc", Region="eu", Batch_Size_Hours="6", num_workers="5", timestamps="TRUE")
    assert found.config.api_key == "abc"
    assert found.config.region == "EU"
    assert (found.config.batch_size_hours, found.config.num_workers) == (6, 5)
    assert found.timestamps


@pytest.mark.parametrize(("given", "region"), [("US", "US"), ("standard", "US"), ("EU", "EU"), ("eu", "EU")])
def test_given_the_data_region_of_community_connectors_then_it_is_the_region(given: str, region: str) -> None:
    assert options(data_region=given).config.region == region


def test_given_no_table_then_events_are_read_and_the_names_of_others_are_accepted() -> None:
    assert options().table == "events"
    assert options(table="user_profiles").table == "user_profiles"
    assert options(tableName="user_profiles").table == "user_profiles"
    assert options(path="user_profiles").table == "user_profiles"


def test_given_an_end_date_then_its_whole_day_is_read_and_of_a_time_its_hour() -> None:
    assert options(end_date="2024-01-31").config.end == parse_export_hour("20240131T23")
    assert options(end_date="2024-01-31T14:20:00Z").config.end == parse_export_hour("20240131T14")


def test_given_an_end_before_hours_were_kept_then_its_day_is_read_whole() -> None:
    assert options(end_date="2013-01-31T14:20:00Z").config.end == parse_export_hour("20130131T23")


def test_given_profile_options_then_they_are_those_of_the_configuration() -> None:
    profiles = options(
        user_ids="a, b,a", device_ids="d", get_cohort_ids="true", get_amp_props="false", prediction_ids="p",
        propensity_type="pct", requests_per_minute="60",
    ).config.user_profiles  # fmt: skip
    assert profiles.users == ListedUsers(("a", "b"), ("d",))
    assert profiles.get_cohort_ids
    assert not profiles.get_amp_props
    assert (profiles.prediction_ids, profiles.propensity_type) == (("p",), "pct")
    assert profiles.requests_per_minute == 60


def test_given_options_of_other_tables_then_they_are_those_of_the_configuration() -> None:
    assert options().config.active_users_group_by_country
    assert not options(active_users_group_by_country="false").config.active_users_group_by_country
    assert options().config.cohort_members == CohortMembersConfig()
    listed = options(cohort_ids="a, b,a", user_properties="gp:plan, country").config.cohort_members
    assert listed == CohortMembersConfig(ListedCohorts(("a", "b")), ("gp:plan", "country"))
    in_json = options(max_cohorts="12", user_properties='["gp:a, b", "gp:c"]').config.cohort_members
    assert in_json == CohortMembersConfig(AllCohorts(12), ("gp:a, b", "gp:c"))


def test_given_columns_then_each_is_named_once_in_their_order() -> None:
    assert options().columns == ()
    assert options(columns="event_type, uuid ,event_type").columns == ("event_type", "uuid")
    assert options(columns='["event_type", "uuid"]').columns == ("event_type", "uuid")


def test_given_no_keys_then_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMPLITUDE_API_KEY", "of the driver")
    monkeypatch.setenv("AMPLITUDE_SECRET_KEY", "secret")
    assert Options.of({}, LOGGER).config.api_key == "of the driver"
    assert options().config.api_key == "0123"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"api_key": ""}, "api_key is required: give it as an option, or as AMPLITUDE_API_KEY"),
        ({"region": "Mars"}, "region must be one of US, EU"),
        ({"start_date": "2024-02-30"}, "start_date must be a date such as 2024-01-31 that exists"),
        ({"end_date": "soon"}, "end_date must be a date such as 2024-01-31 that exists"),
        ({"start_date": "2024-02-03", "end_date": "2024-02-02"}, "end_date must not be before start_date"),
        ({"batch_size_hours": "many"}, "batch_size_hours must be a whole number from 1 to 8760"),
        ({"num_workers": "6"}, "num_workers must be a whole number from 1 to 5"),
        ({"timestamps": "perhaps"}, "timestamps must be true or false"),
        ({"get_cohort_ids": "1"}, "get_cohort_ids must be true or false"),
        ({"strat_date": "2024-01-01"}, "There is no option strat_date: start_date is probably meant"),
        ({"active_users_group_by_country": "no"}, "active_users_group_by_country must be true or false"),
        ({"max_cohorts": "all"}, "max_cohorts must be a whole number from 1 to 500"),
        ({"max_cohorts": "0"}, "max_cohorts must be a whole number from 1 to 500"),
        ({"cohort_ids": "a", "max_cohorts": "2"}, "Give one of the options cohort_ids and max_cohorts, not both"),
        ({"user_properties": "[gp:plan"}, "The option user_properties must hold JSON"),
        ({"cohort_id": "a"}, "There is no option cohort_id: cohort_ids is probably meant"),
        ({"lookback_hours": "3"}, "lookback_hours is not offered on Spark"),
        ({"properties_format": "object"}, "always hold JSON text"),
        ({"columns": "uuid,,event_type"}, "The option columns must hold names of columns"),
        ({"columns": "["}, "The option columns must hold JSON"),
        ({"table": "active_users", "m": "new"}, "The table active_users does not .+ m names: read the table new_users"),
        ({"table": "new_users", "m": "active"}, "The table new_users does not .+ m names: read the table active_users"),
        ({"table": "active_users", "m": "paying"}, r"The table active_users does not have .+ the option m names\."),
        ({"table": "active_users", "i": "7"}, "The table active_users has the numbers of each day"),
        ({"table": "new_users", "g": "platform"}, "The table new_users is grouped by country or not at all"),
        (
            {"table": "new_users", "g": "country", "active_users_group_by_country": "false"},
            "The table new_users is grouped by country or not at all",
        ),
        ({"table": "session_length_distribution", "window_days": "7"}, "leave window_days out, and sum the days"),
        ({"window_hours": "many"}, "batch_size_hours must be a whole number from 1 to 8760"),
        ({"window_hours": "6", "batch_size_hours": "7"}, "batch_size_hours is 7 and window_hours is 6"),
    ],
)
def test_given_a_wrong_option_then_a_sentence_names_it(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        options(**given)


def test_given_options_of_the_labs_connector_then_they_mean_what_they_mean_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert options(window_hours="6").config.batch_size_hours == 6
    assert options(lookback_hours="0").config.lookback_hours == 0
    assert options(table="active_users", m="active", i="1", g="country", window_days="30").config
    assert options(table="new_users", m="NEW", active_users_group_by_country="false").config
    assert options(table="cohorts", m="new", window_days="7").config, "a connection has the options of all tables"
    assert caplog.messages == []


def test_given_options_of_the_platform_then_they_are_passed_over() -> None:
    assert options(**{"databricks.connection": "amplitude", "tableNameList": "[]", "tableConfigs": "{}"}).table


def test_given_options_then_no_text_of_them_shows_a_key() -> None:
    found = options(api_key="an-api-key", secret_key="a-secret-key")
    assert "an-api-key" not in f"{found} {found!r}"
    assert "a-secret-key" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    "given",
    [
        {"table": "cohorts", "path": "annotations"},
        {"tableName": "cohorts", "table": "events"},
        {"region": "US", "data_region": "eu"},
    ],
)
def test_given_options_that_contradict_each_other_then_a_sentence_names_them(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"Options contradict each other: .+ and .+ Leave one of them out\."):
        options(**given)


def test_given_the_same_twice_then_nothing_contradicts() -> None:
    found = options(table="cohorts", path="cohorts", region="us", data_region="standard")
    assert (found.table, found.config.region) == ("cohorts", "US")


def test_given_several_tables_then_a_sentence_says_one_by_one() -> None:
    with pytest.raises(ConfigError, match="A read has one table"):
        options(paths='["annotations", "cohorts"]')


def test_given_an_unknown_option_then_a_warning_names_it(caplog: pytest.LogCaptureFixture) -> None:
    options(foo="bar")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Options that this connector does not know: foo")
    ]


def test_given_the_last_of_all_days_then_it_is_an_end_date() -> None:
    assert options(end_date="9999-12-31").config.end == parse_export_hour("99991231T23")


def test_given_a_number_of_thousands_of_digits_then_the_sentence_of_a_wrong_number() -> None:
    with pytest.raises(ConfigError, match="num_workers must be a whole number from 1 to 5"):
        options(num_workers="1" * 5000)


PAGE = (Path(__file__).parents[2] / "docs" / "spark.md").read_text(encoding="utf-8")
OFFERED = KNOWN - {*FOREIGN, *OTHER_NAMES[TABLE]}


def test_each_option_is_on_the_page() -> None:
    assert sorted(name for name in OFFERED if f"`{name}`" not in PAGE) == []


def test_a_connection_allows_each_option_but_its_own_ones() -> None:
    """Databricks hands on no option of a table that this list leaves out."""
    [allowed] = re.findall(r"externalOptionsAllowList '([^']+)'", PAGE)
    of_the_connection = {"api_key", "secret_key", "region", "data_region"}
    of_the_framework = {"tableName", "tableNameList", "tableConfigs"}
    expected = OFFERED - of_the_connection - {TABLE} - set(labs.OPTIONS) | of_the_framework
    assert sorted(allowed.split(",")) == sorted(expected)
