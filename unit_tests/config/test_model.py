import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.moments import NOW
from source_amplitude.config.form import migrate
from source_amplitude.config.model import ActiveUsers, Config, ListedUsers
from source_amplitude.errors import ConfigError
from unit_tests.strategies import any_json

UTC = timezone.utc


def a_config(**changes: Any) -> Config:
    return Config.from_mapping({"api_key": "an-api-key", "secret_key": "a-secret-key", **changes})


def test_given_only_the_keys_then_the_designed_defaults() -> None:
    config = a_config()
    assert (config.region, config.start, config.batch_size_hours, config.export_delay_hours) == ("US", None, 24, 2)
    assert (config.lookback_hours, config.num_workers, config.json_columns_as_string) == (0, 3, True)
    assert (config.user_profiles.users, config.user_profiles.requests_per_minute) == (None, 600)
    assert (config.user_profiles.get_amp_props, config.user_profiles.get_cohort_ids) == (True, False)


def test_the_keys_are_not_in_the_repr_and_lose_pasted_blanks() -> None:
    config = a_config(api_key=" an-api-key\n")
    assert config.api_key == "an-api-key"
    assert "key" not in repr(config).replace("api_key", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T05:06:07Z", datetime(2024, 1, 31, 5, 6, 7, tzinfo=UTC)),
        ("2024-01-31T05:06:07+02:00", datetime(2024, 1, 31, 3, 6, 7, tzinfo=UTC)),
        ("2024-01-31T05:06:07.123456Z", datetime(2024, 1, 31, 5, 6, 7, 123456, tzinfo=UTC)),
    ],
)
def test_start_dates(text: str, expected: datetime) -> None:
    assert a_config(start_date=text).start == expected


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        ({"data_region": "Standard Server"}, {"region": "US"}),
        ({"data_region": "EU Residency Server"}, {"region": "EU"}),
        ({"data_region": "EU Residency Server", "region": "US"}, {"region": "US"}),
        ({"request_time_range": 12}, {"batch_size_hours": 12}),
        ({"request_time_range": 100_000}, {"batch_size_hours": 8760}),
        ({"start_date": None, "region": None}, {}),
        ({"region": "", "user_profiles": {"users": None, "propensity_type": ""}}, {"user_profiles": {}}),
        ({"start_date": "2021-01-25T00:00:00Z"}, {"start_date": "2021-01-25T00:00:00Z"}),
    ],
)
def test_a_configuration_of_the_official_connector_carries_over(official: dict[str, Any], ours: dict[str, Any]) -> None:
    assert migrate(official) == ours
    assert migrate(ours) == ours
    a_config(**official)


def test_first_hour() -> None:
    start, cursor = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 10, 5, tzinfo=UTC)
    assert a_config(start_date="2024-03-01").beginning(None, NOW)[0] == start
    assert a_config().beginning(None, NOW)[0] == NOW - timedelta(days=30)
    assert a_config(start_date="2024-03-01").beginning(cursor, NOW)[0] == cursor
    assert a_config(start_date="2024-03-12").beginning(cursor, NOW)[0] == datetime(2024, 3, 12, tzinfo=UTC)
    assert a_config(lookback_hours=6).beginning(cursor, NOW)[0] == cursor - timedelta(hours=6)
    assert a_config(lookback_hours=600, start_date="2024-03-01").beginning(cursor, NOW)[0] == start
    assert a_config().beginning(datetime(2020, 1, 1, tzinfo=UTC), NOW)[0] == datetime(2020, 1, 1, tzinfo=UTC)


def test_given_a_time_before_amplitude_then_its_first_year() -> None:
    first_year = datetime(2012, 1, 1, tzinfo=UTC)
    assert a_config(start_date="1970-01-01").beginning(None, NOW)[0] == first_year
    assert a_config(start_date="2012-01-02").beginning(None, NOW)[0] == first_year + timedelta(days=1)
    assert a_config().beginning(datetime(1980, 1, 1, tzinfo=UTC), NOW)[0] == first_year
    assert a_config(lookback_hours=8760).beginning(first_year, NOW)[0] == first_year


def test_listed_users_may_be_comma_separated_and_come_once_in_order() -> None:
    users = {"selection": "listed", "user_ids": ["b, a", "c,", "a", " b "], "device_ids": ["d"]}
    assert a_config(user_profiles={"users": users}).user_profiles.users == ListedUsers(("b", "a", "c"), ("d",))


def test_users_may_be_active_or_not_named_yet() -> None:
    assert a_config(user_profiles={"users": {"selection": "active"}}).user_profiles.users == ActiveUsers(7)
    assert a_config(user_profiles={"users": {"selection": "listed", "user_ids": [" , "]}}).user_profiles.users is None


FIELDS = [
    "api_key", "secret_key", "region", "start_date", "batch_size_hours", "export_delay_hours", "lookback_hours",
    "num_workers", "properties_format", "user_profiles", "data_region", "request_time_range",
]  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from(FIELDS) | st.text(), any_json))
def test_given_anything_then_a_config_or_a_config_error_without_the_secret(changes: dict[str, Any]) -> None:
    secret = "s3cr3t-s3cr3t"
    try:
        Config.from_mapping({"api_key": "a-key", "secret_key": secret, **changes})
    except ConfigError as error:
        assert error.message is not None
        assert secret not in error.message + str(error.internal_message)
        json.dumps(error.message)
