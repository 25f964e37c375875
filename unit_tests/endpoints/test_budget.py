from collections.abc import Callable, Iterator

import pytest
import requests
import time_machine
from airbyte_cdk.sources.streams.call_rate import CallRateLimitHit

from source_amplitude.airbyte.streams.budget import endpoint_budget
from source_amplitude.airbyte.streams.daily import DailyStream
from source_amplitude.airbyte.streams.factory import endpoint_streams
from source_amplitude.config.model import Config
from source_amplitude.endpoints.limits import COST_PER_REQUEST, cost_per_day, request_cost, seconds_at_the_limit
from source_amplitude.progress import PROGRESS_SECONDS

HOST = "https://amplitude.com/api"


@pytest.mark.parametrize(
    ("url", "cost"),
    [
        (f"{HOST}/2/users?start=20240101&end=20240130&m=active&i=1", 30),
        (f"{HOST}/2/users?start=20240101&end=20240130&m=active&i=1&g=country", 120),
        (f"{HOST}/2/sessions/average?start=20240101&end=20240101", 4),
        (f"{HOST}/2/sessions/peruser?start=20240101&end=20240815", 912),
        ("http://127.0.0.1:8080/us/api/2/sessions/length?start=20240228&end=20240301", 12),
        (f"{HOST}/2/events/list", 1),
        (f"{HOST}/3/cohorts?includeSyncInfo=true", 1),
    ],
)
def test_a_request_costs_its_days_times_its_conditions_times_its_type(url: str, cost: int) -> None:
    assert request_cost(url) == cost


@pytest.mark.parametrize("grouped", [False, True])
def test_no_daily_stream_asks_for_more_at_once_than_its_cost_allows(grouped: bool) -> None:
    config = Config("key", "secret", active_users_group_by_country=grouped)
    streams = [stream for stream in endpoint_streams(config, in_batches=False) if isinstance(stream, DailyStream)]
    daily = [stream.endpoint for stream in streams]
    assert len(daily) == 5
    for endpoint in daily:
        cost = endpoint.days_per_request * cost_per_day(endpoint.api_path, grouped=endpoint.is_grouped)
        assert 4 <= cost <= COST_PER_REQUEST
    assert {endpoint.days_per_request for endpoint in daily} == {1, 30} | (set() if grouped else {120})


def a_request(path: str) -> requests.PreparedRequest:
    return requests.Request("GET", f"{HOST}{path}").prepare()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """It stands still until it is shifted."""
    with time_machine.travel("2024-03-15T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def acquire(clock: time_machine.Traveller) -> Callable[[str], None]:
    """Takes a request's share of a budget."""
    shared = endpoint_budget()
    return lambda path: shared.acquire_call(a_request(path), block=False)


def test_given_requests_of_a_cost_of_900_then_the_next_waits_until_they_are_five_minutes_old(
    acquire: Callable[[str], None], clock: time_machine.Traveller
) -> None:
    month = "/2/sessions/average?start=20240101&end=20240130"
    for _ in range(7):
        acquire(month)
    acquire("/2/users?start=20240101&end=20240229")
    with pytest.raises(CallRateLimitHit) as hit:
        acquire("/2/events/list")
    assert hit.value.time_to_wait.total_seconds() == pytest.approx(PROGRESS_SECONDS), "and then it is told again"
    clock.shift(299.9)
    with pytest.raises(CallRateLimitHit) as hit:
        acquire("/2/events/list")
    assert 0 < hit.value.time_to_wait.total_seconds() < 0.2
    clock.shift(0.2)
    acquire(month)


@pytest.mark.parametrize(
    ("requests", "cost", "minutes"), [(1, 120, 0), (7, 120, 0), (8, 120, 5), (13, 120, 5), (365, 4, 5), (61, 120, 40)]
)
def test_the_wait_for_the_limit_is_known_before(requests: int, cost: int, minutes: int) -> None:
    assert seconds_at_the_limit(requests, cost) == minutes * 60


def test_the_taxonomy_and_the_starts_of_cohort_downloads_have_pools_of_their_own(
    acquire: Callable[[str], None],
) -> None:
    for _ in range(60):
        acquire("/5/cohorts/request/k2m9xq7?props=0")
    with pytest.raises(CallRateLimitHit):
        acquire("/5/cohorts/request/p8w3rt1?props=0")
    for _ in range(1000):
        acquire("/2/taxonomy/event-property?event_type=a")
    acquire("/5/cohorts/request-status/q1")
    acquire("/5/cohorts/request/q1/file")
