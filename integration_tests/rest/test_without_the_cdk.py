"""The endpoints as both doors read them."""

import json
import logging
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from harness.moments import NOW
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS, most_cost_in_any, read_streams
from harness.runs import Command, a_config
from source_amplitude.config.model import Config
from source_amplitude.endpoints import cohort_job, limits
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.dashboard import AverageSessionLength
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.endpoints.sender import Sender, check_keys
from source_amplitude.errors import ConfigError

LOGGER = logging.getLogger("test")
WINDOW_SECONDS = 1.0


@pytest.fixture
def project(a_simulator: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Simulator]:
    def start(now: datetime = NOW, **data: object) -> Simulator:
        simulator = a_simulator(now, rest=RestData(**data))  # type: ignore[arg-type]
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        return simulator

    monkeypatch.setattr(cohort_job, "POLL_SECONDS", 0.02)
    return start


def a_typed_config(simulator: Simulator, **fields: object) -> Config:
    return Config.from_mapping(a_config(simulator, **fields))


def a_sender(config: Config) -> Sender:
    return Sender(config, RateLimiter(LOGGER), LOGGER)


def test_given_any_endpoint_then_the_records_of_the_command_line(
    project: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = project()
    chosen = {"cohort_members": {"cohorts": ALL_COHORTS, "user_properties": ["gp:plan", "gp:a, b"]}}
    printed = read_streams(Command(simulator, tmp_path), *SNAPSHOTS, *DAILY, **chosen)
    config = a_typed_config(simulator, **chosen)
    send = a_sender(config)
    for kind in ENDPOINTS:
        endpoint = kind(config, send, LOGGER)
        asked = [{}]
        if isinstance(endpoint, DailyEndpoint):
            asked = list(endpoint.requests(simulator.project.first_hour.date(), date(2024, 3, 14)))
        lines = [line for days in asked for batch in endpoint.read(days) for line in batch]
        assert list(map(json.loads, lines)) == printed.records(kind.name)
        assert lines


def test_given_a_year_then_never_more_than_amplitude_allows(
    project: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WINDOW_SECONDS", WINDOW_SECONDS * 1.5)
    first, last = date(2024, 3, 1), date(2025, 2, 28)
    simulator = project(datetime(2025, 3, 1, 13, tzinfo=timezone.utc), first_day=first, window_seconds=WINDOW_SECONDS)
    config = a_typed_config(simulator)
    endpoint = AverageSessionLength(config, a_sender(config), LOGGER)
    assert sum(len(batch) for days in endpoint.requests(first, last) for batch in endpoint.read(days)) == 365
    assert {request.status for request in simulator.rest_log} == {200}, "nothing was refused"
    assert 500 < most_cost_in_any(WINDOW_SECONDS, simulator.rest_log) <= 900


def test_given_a_redirect_then_it_is_an_answer_and_no_key_goes_where_it_leads(
    project: Callable[..., Simulator],
) -> None:
    simulator = project()
    elsewhere = f"{simulator.url}/elsewhere"
    simulator.faults.append(Fault("status", api="rest", status=302, headers={"Location": elsewhere}))
    response = a_sender(a_typed_config(simulator))("api/2/events/list", {})
    assert response.status_code == 302
    assert [request.path for request in simulator.rest_log] == ["/us/api/2/events/list"]


def test_given_keys_then_one_request_tells_whether_they_are_refused(project: Callable[..., Simulator]) -> None:
    simulator = project(missing={"/api/2/events": 403})
    wrong = a_typed_config(simulator, secret_key="wrong")
    with pytest.raises(ConfigError, match=r"^Authentication failed.*Invalid API Key.*The region is set to US"):
        check_keys(a_sender(wrong), "US")
    right = a_sender(a_typed_config(simulator))
    check_keys(right, "US")
    assert len(simulator.rest_log) == 2, "a plan that lacks it is no refusal"
    simulator.faults.append(Fault("status", api="rest", status=503))
    check_keys(right, "US")
    simulator.faults[:] = [Fault("reset", api="rest")]
    check_keys(right, "US")
