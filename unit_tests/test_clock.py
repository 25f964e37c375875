from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from source_amplitude import clock
from source_amplitude.clock import ServerClock
from source_amplitude.errors import ConfigError
from unit_tests.clock import Clock

MOMENT = datetime(2024, 3, 15, 12, tzinfo=timezone.utc)


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(clock.time, "monotonic", turned)
    monkeypatch.setattr(clock, "utc_now", lambda: MOMENT)
    return turned


def dated(moment: datetime, **headers: str) -> dict[str, str]:
    return {"Date": format_datetime(moment, usegmt=True), **headers}


def test_time_goes_on_from_an_answer_and_the_latest_of_all_counts(turned: Clock) -> None:
    server = ServerClock()
    assert server.now() is None
    server.shown(dated(MOMENT))
    turned.now += 90
    assert server.now() == MOMENT + timedelta(seconds=90)
    server.shown(dated(MOMENT - timedelta(days=1)))
    assert server.now() == MOMENT + timedelta(seconds=90), "a stale answer"
    server.shown(dated(MOMENT + timedelta(hours=1)))
    assert server.now() == MOMENT + timedelta(hours=1)


def test_given_an_answer_out_of_a_cache_then_its_age_counts(turned: Clock) -> None:
    server = ServerClock()
    server.shown(dated(MOMENT, Age="3600"))
    assert server.now() == MOMENT + timedelta(hours=1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Date": "soon"}, {"Date": ""}, {"Date": "Fri, 99 Mar 2024 12:00:00 GMT"}, dated(MOMENT, Age="-"),
     dated(MOMENT, Age="9" * 30)],
)  # fmt: skip
def test_given_no_date_that_can_be_read_then_it_shows_nothing(turned: Clock, headers: dict[str, str]) -> None:
    server = ServerClock()
    server.shown(headers)
    assert server.now() is None
    assert server.believed() == MOMENT


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(hours=30), MOMENT - timedelta(hours=30)),
        (timedelta(days=31), MOMENT - timedelta(days=31)),
        (timedelta(hours=-30), MOMENT),
        (timedelta(days=-4000), MOMENT),
    ],
)
def test_a_date_can_only_make_it_earlier(turned: Clock, ahead: timedelta, expected: datetime) -> None:
    server = ServerClock()
    server.shown(dated(MOMENT - ahead))
    assert server.believed() == expected


def test_given_more_than_a_month_then_nobody_knows_which_clock_is_right(turned: Clock) -> None:
    server = ServerClock()
    server.shown(dated(MOMENT - timedelta(days=31, seconds=1)))
    with pytest.raises(ConfigError, match=r"31 days ahead of Amplitude's .* One of them is wrong"):
        server.believed()


def test_it_is_fresh_for_an_hour(turned: Clock) -> None:
    server = ServerClock()
    assert not server.is_fresh
    server.shown(dated(MOMENT))
    turned.now += 3599
    assert server.is_fresh
    turned.now += 1
    assert not server.is_fresh
