"""Events in DuckDB and PostgreSQL, loaded by PyAirbyte: the SQL of docs/databases.md, and which digits arrive."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Cohort, Fault, Project, RestData, Simulator
from amplitude_simulator.project import HOUR
from harness import pyairbyte
from harness.rest import ALL_COHORTS
from integration_tests.databases import (
    FIRST_HOUR,
    NOW,
    in_duckdb,
    installed,
    simulator,
    sync,
)
from integration_tests.faults.contents import each_line
from integration_tests.postgres import PostgreSQL

PAGE = (pyairbyte.REPOSITORY / "docs" / "databases.md").read_text(encoding="utf-8")

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("databases"), pytest.mark.timeout(900)]


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_two_syncs_into_postgresql_and_every_query_of_the_docs_gives_what_amplitude_has(
    simulator: Simulator, postgres: PostgreSQL, tmp_path: Path
) -> None:
    address = postgres.create_database("queries")
    first = sync(simulator, tmp_path, address)
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
    simulator.now += 3 * HOUR
    second = sync(simulator, tmp_path, address, "--queries", str(pyairbyte.REPOSITORY / "docs" / "databases.md"))
    assert second.returncode == 0, second.stdout[-3000:] + second.stderr[-3000:]
    hours = [FIRST_HOUR + number * HOUR for number in range(27)]
    assert re.findall(r"^read (\d+) records of events$", first.stdout + second.stdout, re.MULTILINE) == [
        str(24 * 20),
        str(3 * 20),
    ]
    queries = re.findall(r"^```sql\n(.*?)^```$", section("PostgreSQL"), re.DOTALL | re.MULTILINE)
    assert second.stdout.count("SELECT ") == len(queries)

    events = [json.loads(line) for hour in hours for line in simulator.project.published(hour, simulator.now)]
    told = [[list(row.values()) for row in postgres.query("queries", query)] for query in queries]
    assert told == expected(events)
    assert {row["uuid"] for row in postgres.query("queries", "SELECT uuid FROM events")} == simulator.project.uuids(
        hours[0], hours[-1]
    )


def expected(events: list[dict[str, Any]]) -> list[list[list[Any]]]:
    """What the queries of the section must return, worked out from the events themselves."""
    prices, sold = defaultdict(list), Counter[str]()
    users, uploads = defaultdict(set), Counter[str]()
    for event in events:
        properties = event["event_properties"]
        prices[event["event_type"]].append(Decimal(str(properties["price"])))
        sold.update(item["name"] for item in properties["items"])
        if event["event_time"] >= "2024-03-13":
            users[event["event_time"][:10]].add(event["amplitude_id"])
        uploads[event["server_upload_time"][:10]] += 1
    return [
        [[kind, len(of), round(sum(of) / len(of), 2)] for kind, of in sorted(prices.items())],
        [[max(event["event_properties"]["order id"] for event in events)]],
        [[sum(event["event_properties"]["experiment"]["variant"] == "A" for event in events)]],
        [[name, count] for name, count in sorted(sold.items(), key=lambda item: (-item[1], item[0].encode()))],
        [[day, len(of)] for day, of in sorted(users.items())],
        [[day, count, 0] for day, count in sorted(uploads.items())],
    ]


def the_table_of_numbers() -> list[tuple[str, str, str, str]]:
    """What the docs tell: sent, and what arrives as text, as an object in DuckDB, and as an object in PostgreSQL."""
    rows = [row for row in section("Why property bags are text").splitlines() if row.startswith("| `")]
    return [tuple(cell.strip(" `") for cell in row.strip("|").split("|")) for row in rows]  # type: ignore[misc]


NUMBERS = the_table_of_numbers()
FAILS = "the sync fails"


def send_numbers(simulator: Simulator, numbers: list[str]) -> None:
    """Put them at the start of the property bag of each event, as `n0`, `n1` and so on."""
    start = b'"event_properties":{'
    more = "".join(f'"n{position}":{number},' for position, number in enumerate(numbers)).encode()
    simulator.faults[:] = [Fault("members", transform=each_line(lambda line: line.replace(start, start + more)))]


def numbers_in(bags: list[str]) -> list[str]:
    [found] = {tuple(re.findall(r'"n\d": ?([^,}]+)', bag)) for bag in bags}
    return list(found)


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_the_digits_that_arrive_in_duckdb_are_those_that_the_docs_tell(
    simulator: Simulator, tmp_path: Path, properties_format: str
) -> None:
    assert len(NUMBERS) == 4
    send_numbers(simulator, [row[0] for row in NUMBERS])
    database = tmp_path / "amplitude.duckdb"
    ended = sync(simulator, tmp_path, str(database), properties_format=properties_format)
    assert ended.returncode == 0, ended.stderr[-3000:]
    rows = in_duckdb(database, "SELECT CAST(event_properties AS VARCHAR) FROM events")
    column = 1 if properties_format == "json_string" else 2
    assert numbers_in([row[0] for row in rows]) == [row[column] for row in NUMBERS]


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_the_digits_that_arrive_in_postgresql_are_those_that_the_docs_tell(
    simulator: Simulator, postgres: PostgreSQL, tmp_path: Path, properties_format: str
) -> None:
    column = 1 if properties_format == "json_string" else 3
    kept = [row for row in NUMBERS if row[column] != FAILS]
    send_numbers(simulator, [row[0] for row in kept])
    name = f"digits_{properties_format}"
    ended = sync(simulator, tmp_path, postgres.create_database(name), properties_format=properties_format)
    assert ended.returncode == 0, ended.stderr[-3000:]
    rows = postgres.query(name, "SELECT event_properties::text AS bag FROM events")
    assert numbers_in([row["bag"] for row in rows]) == [row[column] for row in kept]


def test_the_number_that_fails_a_sync_of_objects_into_postgresql(
    simulator: Simulator, postgres: PostgreSQL, tmp_path: Path
) -> None:
    send_numbers(simulator, [row[0] for row in NUMBERS if row[3] == FAILS])
    ended = sync(simulator, tmp_path, postgres.create_database("fails"), properties_format="object")
    assert ended.returncode != 0, "PyAirbyte has changed: docs/databases.md"
    assert "Value is too big" in ended.stderr


def test_given_user_ids_of_digits_then_postgresql_loses_their_zeros_and_duckdb_does_not(
    simulator: Simulator, postgres: PostgreSQL, tmp_path: Path
) -> None:
    simulator.faults.append(
        Fault("members", transform=each_line(lambda line: re.sub(rb'"user_id":"[^"]+"', b'"user_id":"00123"', line)))
    )
    assert sync(simulator, tmp_path, postgres.create_database("zeros")).returncode == 0
    found = postgres.query("zeros", "SELECT DISTINCT user_id FROM events WHERE user_id IS NOT NULL")
    assert found == [{"user_id": "123.0"}], "PyAirbyte has changed: docs/databases.md"
    database = tmp_path / "amplitude.duckdb"
    assert sync(simulator, tmp_path, str(database)).returncode == 0
    sql = "SELECT DISTINCT user_id FROM events WHERE user_id IS NOT NULL"
    assert in_duckdb(database, sql) == [["00123"]]


def test_what_is_gone_at_amplitude_stays_until_a_sync_replaces_the_tables(tmp_path: Path) -> None:
    """That PyAirbyte merges, and reads no finished snapshot again, is docs/databases.md."""
    both = Project(FIRST_HOUR, 1, rest=RestData(cohorts=(Cohort("k2m9xq7"), Cohort("p8w3rt1"))))
    one = replace(both, rest=RestData(cohorts=(Cohort("p8w3rt1"),)))
    database = tmp_path / "amplitude.duckdb"
    with Simulator(both, NOW) as simulator:

        def cohorts(*arguments: str) -> list[list[Any]]:
            chosen = ("--streams", "cohorts,cohort_members", *arguments)
            ended = sync(simulator, tmp_path, str(database), *chosen, cohort_members={"cohorts": ALL_COHORTS})
            assert ended.returncode == 0, ended.stderr[-3000:]
            tables = ("SELECT id FROM cohorts ORDER BY 1", "SELECT DISTINCT cohort_id FROM cohort_members ORDER BY 1")
            return [[row[0] for row in in_duckdb(database, table)] for table in tables]

        assert cohorts() == [["k2m9xq7", "p8w3rt1"]] * 2
        simulator.serve(one, NOW)
        assert cohorts() == [["k2m9xq7", "p8w3rt1"]] * 2, "PyAirbyte has changed: docs/databases.md"
        assert not [request for request in simulator.log if "/cohorts/request/" in request.path]
        assert cohorts("--replace") == [["p8w3rt1"]] * 2
