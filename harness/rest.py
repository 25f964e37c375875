"""Syncs of the streams of Amplitude's other endpoints for tests and the demo."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from amplitude_simulator import Request, Simulator
from harness.moments import DAY
from harness.runs import INCREMENTAL_STREAMS, Command, Outcome, State, a_catalog, a_config
from source_amplitude.endpoints.registry import ENDPOINTS

ALL_COHORTS = {"selection": "all"}
DAILY = tuple(endpoint.name for endpoint in ENDPOINTS if endpoint.name in INCREMENTAL_STREAMS)
SNAPSHOTS = tuple(endpoint.name for endpoint in ENDPOINTS if endpoint.name not in DAILY)
ONE_RECORD_A_DAY = tuple(endpoint.name for endpoint in ENDPOINTS if endpoint.primary_keys == ("date",))


def listed_cohorts(*cohort_ids: str) -> dict[str, Any]:
    return {"selection": "listed", "cohort_ids": list(cohort_ids)}


def read_streams(
    command: Command,
    *streams: str,
    state: list[State] | None = None,
    sync_mode: str = "incremental",
    options: dict[str, Any] | None = None,
    **config: Any,
) -> Outcome:
    """Read streams with the simulator's keys.

    :param config: fields of the configuration
    :param options: those of `Command.run`
    """
    catalog = a_catalog(*streams, sync_mode=sync_mode)
    return command.read(a_config(command.simulator, **config), state, catalog, **(options or {}))


def a_state(stream: str, **stream_state: Any) -> State:
    return {
        "type": "STREAM",
        "stream": {"stream_descriptor": {"name": stream}, "stream_state": stream_state},
    }


def stream_states(outcome: Outcome) -> list[dict[str, Any]]:
    return [state["stream"]["stream_state"] for state in outcome.states]


def as_they_came(outcome: Outcome, stream: str) -> list[dict[str, Any]]:
    """The records of a stream, of which nothing was odd, without the column for what is."""
    records = outcome.records(stream)
    assert [record.pop("additional_fields") for record in records] == [None] * len(records)
    return records


def days(first: date, last: date) -> list[str]:
    """The days of a range, both ends included, as they are in records."""
    return [f"{first + number * DAY}" for number in range((last - first).days + 1)]


def days_of(outcome: Outcome, stream: str) -> list[str]:
    return [record["date"] for record in outcome.records(stream)]


def days_asked_for(simulator: Simulator) -> list[str]:
    """Each day of each request that was answered, in order."""
    answered = [request for request in simulator.rest_log if request.status == 200]
    return [day for request in answered for day in days(_day(request.params["start"]), _day(request.params["end"]))]


def most_cost_in_any(seconds: float, log: Iterable[Request]) -> int:
    """The largest cost of requests within any span of so many seconds."""
    requests = sorted(log, key=lambda request: request.at)
    most = cost = first = 0
    for request in requests:
        cost += request.cost
        while requests[first].at <= request.at - seconds:
            cost -= requests[first].cost
            first += 1
        most = max(most, cost)
    return most


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
