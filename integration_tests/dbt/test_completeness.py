"""The SQL of docs/completeness.md, on what two syncs loaded and on what is left when an hour is missing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.dbt_package import REPOSITORY
from integration_tests.dbt.conftest import DuckDB, Loading, a_project, simulated
from integration_tests.postgres import PostgreSQL

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("dbt"), pytest.mark.timeout(900)]

PAGE = (REPOSITORY / "docs" / "completeness.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
# Loaded against counted on five engines, then the gaps on two.
DUCKDB_TOTALS, POSTGRES_TOTALS, _, _, _, DUCKDB_GAPS, POSTGRES_GAPS = (
    block.replace("Etc/UTC", "Etc/GMT-2") for block in BLOCKS
)
IN_THE_HOUR = "server_upload_time >= '2024-03-15 10:00' AND server_upload_time < '2024-03-15 11:00'"


def assert_an_hour_is_found(
    run: Callable[[str], list[dict[str, Any]]], delete: Callable[[str], object], totals: str, gaps: str
) -> None:
    before = {f"{row['date']}": row["difference"] for row in run(totals)}
    whole = [before[f"2024-03-{day}"] for day in (14, 15, 16)]
    assert all(-1 <= difference <= 0 for difference in whole)
    assert run(gaps) == []
    delete(f"DELETE FROM events WHERE {IN_THE_HOUR}")
    after = {f"{row['date']}": row["difference"] for row in run(totals)}
    assert before["2024-03-15"] - after["2024-03-15"] >= 13, "all but a few late ones of the hour's 15"
    [gap] = run(gaps)
    assert int(gap["hours_missing"]) == 1
    assert f"{gap['hour_before']}".replace("T", " ") == "2024-03-15 09:00:00"


def test_given_an_hour_that_is_missing_in_duckdb_then_the_queries_show_it(first: DuckDB) -> None:
    assert_an_hour_is_found(first.query, first.query, DUCKDB_TOTALS, DUCKDB_GAPS)


def test_given_an_hour_that_is_missing_in_postgresql_then_the_queries_show_it(
    postgres: PostgreSQL, tmp_path: Path
) -> None:
    address = postgres.create_database("complete")
    with simulated(a_project()) as simulator:
        Loading(simulator, tmp_path, streams=("events", "event_totals")).sync(address)
    assert_an_hour_is_found(
        lambda sql: postgres.query("complete", sql),
        lambda sql: postgres.execute("complete", sql),
        POSTGRES_TOTALS,
        POSTGRES_GAPS,
    )
