from typing import Any

import pytest
from airbyte_cdk.models import SyncMode

from source_amplitude.airbyte.streams.user_profiles import UserProfiles
from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError, TransientError


def a_stream(region: str) -> UserProfiles:
    users = {"selection": "listed", "user_ids": ["u1"]}
    config = {"api_key": "a" * 32, "secret_key": "b" * 32, "region": region, "user_profiles": {"users": users}}
    return UserProfiles(Config.from_mapping(config))


def test_given_the_eu_then_check_and_read_stop_at_the_same_gate() -> None:
    stream = a_stream("EU")
    assert stream.availability.check_availability(stream, stream.logger) == (
        False, "User Profile API is not supported in EU region",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="not supported in EU region"):
        list(stream.read_records(SyncMode.full_refresh))


def test_the_probe_of_check_takes_a_token_of_the_bucket_that_it_owns(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = a_stream("US")

    def no_token(*_: Any) -> None:
        raise TransientError("no token")

    monkeypatch.setattr(stream.availability.bucket, "acquire", no_token)
    assert stream.availability.check_availability(stream, stream.logger) == (False, "no token")
    with pytest.raises(TransientError, match="no token"):
        list(stream.read_records(SyncMode.full_refresh))
