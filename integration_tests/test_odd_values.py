"""Odd events in DuckDB and PostgreSQL, loaded by PyAirbyte: every window loads, columns are typed, bags can be cast."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from integration_tests.databases import (
    in_duckdb,
    installed,
    simulator,
    sync,
)
from integration_tests.faults.contents import each_line
from integration_tests.postgres import PostgreSQL

__all__ = ["installed", "simulator"]  # fixtures

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("databases"), pytest.mark.timeout(900)]

# Values that typed destinations refuse, or would lose, in each event; "$n" is not declared. All as they are sent.
ODD = (
    b'"event_time":"2024-02-30 10:04:58.123000","client_event_time":"",'
    b'"user_creation_time":"0000-00-00 00:00:00.000000",'
    b'"paying":"perhaps","sample_rate":"1.0","amplitude_id":18446744073709551616,"city":"a\\u0000b","event_id":1.5,'
    b'"groups":{"k\\u0000":"\\u0000","\\\\u0000":1},"plan":"none","location_lat":1e30,"$n":"new","$big":123456789012345678901234567890'
)
KEPT = {
    "event_time": "2024-02-30 10:04:58.123000",
    "client_event_time": "",
    "user_creation_time": "0000-00-00 00:00:00.000000",
    "paying": "perhaps",
    "amplitude_id": 18446744073709551616,
    "event_id": 1.5,
    "plan": "none",
    "location_lat": 1e30,
    "$n": "new",
    "$big": 123456789012345678901234567890,
}
NULL_COLUMNS = [name for name in KEPT if name != "plan" and not name.startswith("$")]  # PyAirbyte has JSON's null there
QUERY = """
SELECT count(*) AS events, count(DISTINCT uuid) AS uuids, min(sample_rate::float8) AS sample_rate, min(city) AS city,
    max(paying::int) AS paying, min({groups}) AS name, min({kept}) AS kept
FROM events WHERE {null}
"""


def send_odd_values(simulator: Simulator, odd: bytes) -> None:
    """In every event; of a key that comes twice the last one counts."""
    simulator.faults.append(Fault("members", transform=each_line(lambda line: line[:-1] + b"," + odd + b"}")))


def expected(simulator: Simulator) -> dict[str, Any]:
    events = simulator.project.events_per_hour * 24
    return {"events": events, "uuids": events, "sample_rate": 1.0, "city": "a\ufffdb", "paying": None, "name": "\ufffd"}


def number(text: str) -> int | float:
    """PostgreSQL writes 1e30 with all its digits."""
    return float(text) if int(text) == 10**30 else int(text)


def query(groups: str, kept: str) -> str:
    return QUERY.format(groups=groups, kept=kept, null=" AND ".join(f"{name} IS NULL" for name in NULL_COLUMNS))


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_given_odd_events_then_they_load_into_postgresql_and_bags_can_be_cast(
    simulator: Simulator, postgres: PostgreSQL, tmp_path: Path, properties_format: str
) -> None:
    odd, kept = ODD, dict(KEPT)
    if properties_format == "object":  # PyAirbyte reads no integers of more than 64 bits then: docs/databases.md
        odd = re.sub(rb'"(amplitude_id|[$]big)":[0-9]+', rb'"\1":[]', ODD)
        kept |= {"amplitude_id": [], "$big": []}
    send_odd_values(simulator, odd)
    database = f"odd_{properties_format}"
    ended = sync(simulator, tmp_path, postgres.create_database(database), properties_format=properties_format)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert re.search(r"read ([0-9,]+) records of events", ended.stdout)
    [found] = postgres.query(database, query("groups::jsonb ->> 'k\ufffd'", "additional_fields::jsonb::text"))
    assert json.loads(found.pop("kept"), parse_int=number) == kept
    assert found == expected(simulator)
    for bag in ("event_properties", "user_properties", "groups", "group_properties", "data", "additional_fields"):
        assert postgres.query(database, f"SELECT count({bag}::jsonb) AS cast_bags FROM events")


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_given_odd_events_then_they_load_into_duckdb(
    simulator: Simulator, tmp_path: Path, properties_format: str
) -> None:
    send_odd_values(simulator, ODD)
    database = tmp_path / "amplitude.duckdb"
    ended = sync(simulator, tmp_path, str(database), properties_format=properties_format)
    assert ended.returncode == 0, ended.stderr[-3000:]
    [found] = in_duckdb(database, query("""json_extract_string(groups, '$."k\ufffd"')""", "additional_fields::varchar"))
    names = ["events", "uuids", "sample_rate", "city", "paying", "name"]
    assert dict(zip(names, found[:-1], strict=True)) == expected(simulator)
    assert json.loads(found[-1]) == KEPT
