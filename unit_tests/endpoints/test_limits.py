"""What requests cost, and that they keep to Amplitude's limits."""

import logging
from datetime import date

import pytest
import requests

from source_amplitude.config.model import Config
from source_amplitude.endpoints import limits
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.dashboard import (
    ActiveUsers,
    AverageSessionLength,
    EventsList,
    EventTotals,
    NewUsers,
    SessionLengthDistribution,
    SessionsPerUser,
)
from source_amplitude.endpoints.days import DAY
from source_amplitude.endpoints.endpoint import NO_DAYS
from source_amplitude.endpoints.limits import (
    COST_PER_REQUEST,
    RateLimiter,
    seconds_at_the_limit,
)
from source_amplitude.endpoints.registry import ENDPOINTS
from unit_tests.clock import Clock

MONTH = "api/2/sessions/average", 120


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It stands still but for what is waited."""
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(limits.time, "monotonic", clock)
    monkeypatch.setattr(limits.time, "sleep", sleep)
    return clock


@pytest.fixture
def rates(clock: Clock) -> RateLimiter:
    return RateLimiter(logging.getLogger("test"))


def waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def told(what: str, *seconds: int) -> list[str]:
    return [f"Waiting for Amplitude's limit on {what}: {each} s still" for each in seconds]


def test_given_a_cost_of_900_then_the_next_request_waits_until_the_first_is_five_minutes_old(
    rates: RateLimiter, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    began = clock.now
    with caplog.at_level(logging.INFO):
        for _ in range(7):
            rates.wait(*MONTH)
        rates.wait("api/2/users", 60)
        assert waits(caplog) == []
        clock.now += 100
        rates.wait("api/2/events/list", 1)
    assert clock.now - began == pytest.approx(300, abs=0.1)
    assert waits(caplog) == told("the cost of requests in five minutes", 200, 170, 140, 110, 80, 50, 20)


def test_given_a_short_wait_then_the_log_says_nothing(
    rates: RateLimiter, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    began = clock.now
    with caplog.at_level(logging.INFO):
        for _ in range(7):
            rates.wait(*MONTH)
        clock.now += 295.5
        rates.wait(*MONTH)
    assert clock.now - began == pytest.approx(300, abs=0.1)
    assert waits(caplog) == []


def test_given_a_wait_of_0_ms_then_the_request_is_counted_too(rates: RateLimiter, clock: Clock) -> None:
    began = clock.now
    for _ in range(7):
        rates.wait(*MONTH)
    clock.now = began + 300  # to the millisecond: the first seven count for the last time
    for _ in range(8):
        rates.wait(*MONTH)
    assert clock.now - began == pytest.approx(600, abs=0.1)


def test_given_years_of_requests_then_what_is_old_is_forgotten(rates: RateLimiter) -> None:
    for _ in range(15):
        rates.wait(*MONTH)
    assert max(window.count() for *_, window in rates._limits) <= 900


def test_the_taxonomy_and_the_starts_of_cohort_downloads_have_pools_of_their_own(
    rates: RateLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(60):
            rates.wait("api/5/cohorts/request/k2m9xq7", 1)
        for _ in range(1000):
            rates.wait("api/2/taxonomy/event-property", 1)
        rates.wait("api/5/cohorts/request-status/q1", 1)
        rates.wait("api/5/cohorts/request/q1/file", 1)
        assert waits(caplog) == []
        rates.wait("api/5/cohorts/request/p8w3rt1", 1)
    assert waits(caplog) == told("downloads of cohorts in ten minutes", *range(600, 0, -30))


@pytest.mark.parametrize(
    ("kind", "grouped", "first", "last", "cost"),
    [
        (ActiveUsers, False, "20240101", "20240130", 30),
        (NewUsers, True, "20240101", "20240130", 120),
        (AverageSessionLength, True, "20240101", "20240101", 4),
        (SessionsPerUser, False, "20240101", "20240815", 912),
        (SessionLengthDistribution, False, "20240228", "20240301", 12),
        (EventTotals, True, "20240101", "20240131", 31),
    ],
)
def test_a_request_costs_its_days_times_its_conditions_times_its_type(
    kind: type[DailyEndpoint], grouped: bool, first: str, last: str, cost: int
) -> None:
    sent = []

    def send(*_: object, **options: int) -> requests.Response:
        sent.append(options["cost"])
        raise StopIteration

    endpoint = kind(Config("key", "secret", active_users_group_by_country=grouped), send, logging.getLogger("test"))
    with pytest.raises(StopIteration):
        endpoint.fetch_records({"start": first, "end": last})
    assert sent == [cost]


def test_a_request_without_days_costs_one() -> None:
    assert EventsList(Config("key", "secret"), requests.Response, logging.getLogger("test")).cost(NO_DAYS) == 1


@pytest.mark.parametrize("grouped", [False, True])
def test_no_endpoint_by_day_asks_for_more_at_once_than_its_cost_allows(grouped: bool) -> None:
    config = Config("key", "secret", active_users_group_by_country=grouped)
    daily = [
        kind(config, lambda *_, **__: requests.Response(), logging.getLogger("test"))
        for kind in ENDPOINTS
        if issubclass(kind, DailyEndpoint)
    ]
    for endpoint in daily:
        last = f"{date(2024, 1, 1) + (endpoint.days_per_request - 1) * DAY:%Y%m%d}"
        cost = endpoint.cost({"start": "20240101", "end": last})
        assert 0 < cost <= COST_PER_REQUEST, f"day_cost and days_per_request of {endpoint.name}"
    assert {endpoint.days_per_request for endpoint in daily} >= {1, 30, 120}


@pytest.mark.parametrize(
    ("requests", "cost", "minutes"), [(1, 120, 0), (7, 120, 0), (8, 120, 5), (13, 120, 5), (365, 4, 5), (61, 120, 40)]
)
def test_the_wait_for_the_limit_is_known_before(requests: int, cost: int, minutes: int) -> None:
    assert seconds_at_the_limit(requests, cost) == minutes * 60
