"""The limits without the CDK. That the CDK's budget keeps to the same ones is in test_budget.py."""

import logging
import time

import pytest

from source_amplitude import progress
from source_amplitude.rest import limits
from source_amplitude.rest.rates import Rates

HOST = "https://amplitude.com/api"
MONTH = f"{HOST}/2/sessions/average?start=20240101&end=20240130"
WINDOW_SECONDS = 0.4


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Rates:
    """The limits, in windows of less than a second."""
    for window in ("WINDOW_SECONDS", "TAXONOMY_WINDOW_SECONDS", "JOBS_WINDOW_SECONDS"):
        monkeypatch.setattr(limits, window, WINDOW_SECONDS)
    monkeypatch.setattr(limits, "LONG_WAIT_SECONDS", 0.0)
    return Rates(logging.getLogger("test"))


def waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_given_a_cost_of_900_then_the_next_request_waits_until_the_first_is_five_minutes_old(
    rates: Rates, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        began = time.monotonic()
        for _ in range(7):
            rates.wait(MONTH)
        rates.wait(f"{HOST}/2/users?start=20240101&end=20240229")
        assert waits(caplog) == []
        rates.wait(f"{HOST}/2/events/list")
    assert time.monotonic() - began >= WINDOW_SECONDS
    assert waits(caplog)[0] == "Waiting for Amplitude's limit on the cost of requests in five minutes: 0 s still"


def test_given_a_long_wait_then_the_log_says_again_and_again_how_long_still(
    rates: Rates, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.05)
    with caplog.at_level(logging.INFO):
        for _ in range(8):
            rates.wait(MONTH)
    assert len(waits(caplog)) >= 3


def test_given_a_short_wait_then_the_log_says_nothing(
    rates: Rates, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LONG_WAIT_SECONDS", 5.0)
    with caplog.at_level(logging.INFO):
        for _ in range(8):
            rates.wait(MONTH)
    assert waits(caplog) == []


def test_given_years_of_requests_then_what_is_old_is_forgotten(rates: Rates) -> None:
    for _ in range(15):
        rates.wait(MONTH)
    assert max(window.count() for _, window in rates._windows) <= 900


def test_the_taxonomy_and_the_starts_of_cohort_downloads_have_pools_of_their_own(
    rates: Rates, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(60):
            rates.wait(f"{HOST}/5/cohorts/request/k2m9xq7?props=0")
        for _ in range(1000):
            rates.wait(f"{HOST}/2/taxonomy/event-property?event_type=a")
        rates.wait(f"{HOST}/5/cohorts/request-status/q1")
        rates.wait(f"{HOST}/5/cohorts/request/q1/file")
        assert waits(caplog) == []
        rates.wait(f"{HOST}/5/cohorts/request/p8w3rt1?props=0")
    assert waits(caplog)[0].startswith("Waiting for Amplitude's limit on downloads of cohorts in ten minutes: ")
