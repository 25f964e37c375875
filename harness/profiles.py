"""Syncs of the stream `user_profiles` for tests and the demo: configurations, and what a run says about users."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from amplitude_simulator import Simulator
from harness.runs import Command, Outcome, State, a_catalog, a_config

COMPLETE = {"__ab_full_refresh_sync_complete": True}
# What the harness shortens, as it is for users.
REAL_PACE: dict[str, Any] = {
    "user_profiles.pacer.WINDOW_SECONDS": 60.5,
    "user_profiles.pacer.FIRST_PAUSE_SECONDS": 1.0,
    "http.retry.FIRST_WAIT_SECONDS": 1.0,
}


def listed(user_ids: Sequence[str] = (), device_ids: Sequence[str] = ()) -> dict[str, Any]:
    return {"selection": "listed", "user_ids": list(user_ids), "device_ids": list(device_ids)}


def active(days: int) -> dict[str, Any]:
    return {"selection": "active", "lookback_days": days}


def a_profiles_config(simulator: Simulator, users: dict[str, Any] | None, **profiles: Any) -> dict[str, Any]:
    return a_config(simulator, user_profiles={**({"users": users} if users else {}), **profiles})


def read_profiles(
    command: Command,
    users: dict[str, Any] | None,
    state: list[State] | None = None,
    profiles: dict[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    config = a_profiles_config(command.simulator, users, **(profiles or {}))
    return command.read(config, state, a_catalog("user_profiles"), **options)


def keys_of(outcome: Outcome) -> list[str]:
    return [record["user_id"] for record in outcome.records("user_profiles")]


def keys_before_last_state(outcome: Outcome) -> list[str]:
    """The users whose records were printed before the last state: what a destination has when it is cut off there."""
    kept: list[str] = []
    seen: list[str] = []
    for message in outcome.messages:
        if message["type"] == "RECORD":
            seen.append(message["record"]["data"]["user_id"])
        elif message["type"] == "STATE":
            kept = list(seen)
    return kept


def profile_states(outcome: Outcome) -> list[dict[str, Any]]:
    return [state["stream"]["stream_state"] for state in outcome.states]


def most_in_any(seconds: float, moments: Sequence[float]) -> int:
    """The largest number of moments within any span of so many seconds."""
    most, first = 0, 0
    ordered = sorted(moments)
    for last, moment in enumerate(ordered):
        while ordered[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def users_seen(simulator: Simulator, first: datetime, last: datetime) -> tuple[set[str], set[str]]:
    """Who is in the events from hour `first` to hour `last`: the user ids, and the devices that no user was seen on."""
    pairs = set()
    for number in range((last - first) // timedelta(hours=1) + 1):
        for line in simulator.project.published(first + timedelta(hours=number), simulator.now):
            event = json.loads(line)
            pairs.add((event["user_id"], event["device_id"]))
    taken = {device for user, device in pairs if user}
    return {user for user, _ in pairs if user}, {device for user, device in pairs if not user} - taken
