"""The tests of the dbt package fail where a load is not whole; each of these breaks one on purpose."""

import pytest

from integration_tests.dbt.conftest import DuckDB, Two

# What events, sessions and days are made of, and the tests of all of that.
DAILY = ("--select", "+amplitude__daily")

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("dbt"), pytest.mark.timeout(900)]


def test_given_a_whole_load_then_no_test_fails(two_syncs: Two, second: DuckDB) -> None:
    ended = second.dbt.run("test", *DAILY)
    assert (ended.exit_code, ended.failed) == (0, set()), ended.output
    assert {"events_are_complete", "sessions_are_whole", "loaded_events_are_staged"} <= ended.statuses.keys()
    assert second.values("SELECT count(*) FROM amplitude__daily WHERE is_loaded_whole")[0] >= 4


def test_given_an_hour_that_was_left_out_then_the_numbers_of_its_day_are_not_amplitudes(first: DuckDB) -> None:
    hour = "server_upload_time >= '2024-03-15 10:00' AND server_upload_time < '2024-03-15 11:00'"
    assert first.values(f"SELECT count(*) FROM events WHERE {hour}") == [15]
    first.query(f"DELETE FROM events WHERE {hour}")
    ended = first.dbt.run("build", "--full-refresh", *DAILY)
    assert ended.exit_code != 0
    assert ended.failed == {"events_are_complete"}, ended.output


def test_given_a_day_that_was_left_out_then_it_is_found_though_it_has_no_row(first: DuckDB) -> None:
    first.query(
        "DELETE FROM events WHERE server_upload_time >= '2024-03-14 22:00' AND server_upload_time < '2024-03-15 22:00'"
    )
    ended = first.dbt.run("build", "--full-refresh", *DAILY)
    assert ended.failed == {"events_are_complete"}, ended.output


def test_given_an_event_that_was_loaded_twice_then_a_test_fails_and_the_models_have_it_once(first: DuckDB) -> None:
    daily = "SELECT date, events, events_counted, active_users, sessions FROM amplitude__daily ORDER BY date"
    before = first.query(daily)
    first.query("INSERT INTO events SELECT * FROM events WHERE event_time > '2024-03-15' ORDER BY uuid LIMIT 1")
    [failed] = first.dbt.run("test", *DAILY).failed
    assert failed == "source_unique_amplitude_events_uuid"
    assert first.dbt.run("run", "--full-refresh", *DAILY).exit_code == 0
    assert first.query(daily) == before


def test_given_an_event_under_two_uuids_then_its_insert_id_tells(first: DuckDB) -> None:
    first.query(
        "INSERT INTO events SELECT * REPLACE ('another' AS uuid) FROM events "
        "WHERE event_time > '2024-03-15' ORDER BY uuid LIMIT 1"
    )
    ended = first.dbt.run("build", *DAILY)
    assert "no_insert_id_comes_twice" in ended.failed, ended.output


def test_given_an_event_that_is_twice_in_a_model_then_tests_fail(second: DuckDB) -> None:
    second.query(
        "INSERT INTO stg_amplitude__events SELECT * FROM stg_amplitude__events "
        "WHERE session_id <> -1 ORDER BY server_upload_time DESC LIMIT 1"
    )
    ended = second.dbt.run("test", *DAILY)
    assert ended.failed >= {"unique_among_newest_stg_amplitude__events_uuid", "sessions_are_whole"}, ended.output


# Sessions with events on both sides of the hour at which the first sync ended.
CUT = """
    SELECT session_key FROM amplitude__sessions AS sessions
    JOIN stg_amplitude__events AS events USING (amplitude_id, session_id)
    GROUP BY session_key HAVING min(events.load_number) < max(events.load_number)
"""


def test_given_a_session_that_was_cut_at_the_edge_of_a_window_then_tests_fail(second: DuckDB) -> None:
    cut = second.values(CUT)
    assert cut, "no session has events of both syncs"
    # What a model leaves that looks at new events alone: the part of the session in the second window.
    second.query(f"""
        UPDATE amplitude__sessions AS sessions
        SET started_at = part.started_at, events = part.events
        FROM (
            SELECT amplitude_id, session_id, min(event_time) AS started_at, count(*) AS events
            FROM stg_amplitude__events WHERE load_number = 2 GROUP BY ALL
        ) AS part
        WHERE sessions.amplitude_id = part.amplitude_id AND sessions.session_id = part.session_id
          AND session_key = '{cut[0]}'
    """)
    ended = second.dbt.run("test", *DAILY)
    assert ended.failed == {"sessions_are_whole", "sessions_and_days_add_up"}, ended.output


def test_given_events_that_come_later_than_models_look_back_then_a_test_fails(first: DuckDB) -> None:
    first.query("""
        INSERT INTO events SELECT * REPLACE ('late' AS uuid, _insert_id || 'x' AS _insert_id)
        FROM events WHERE server_upload_time < '2024-03-13 12:00' LIMIT 1
    """)
    ended = first.dbt.run("build", *DAILY, amplitude_lookback_hours=24)
    assert ended.failed == {"loaded_events_are_staged"}, ended.output
    assert first.dbt.run("build", "--full-refresh", *DAILY).exit_code == 0
