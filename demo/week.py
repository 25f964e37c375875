"""Writes a page with the newest whole week of the dbt models in a DuckDB file.

    python demo/week.py amplitude.duckdb week.html

Active users beside Amplitude's own, where loaded and counted differ, the funnel, and retention. Needs duckdb alone.
"""

import sys
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import duckdb

DAYS = 7
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; color: #222 }
p { color: #555 }
table { border-collapse: collapse } td, th { padding: .2rem .7rem; text-align: right } th { font-weight: 600 }
rect.ours { fill: #2a6fdb } rect.theirs { fill: #b9cdf0 } text { font-size: 12px; fill: #444 }
.differs { background: #fde2d2 }
"""


def main() -> None:
    database, page = map(Path, sys.argv[1:])
    with duckdb.connect(str(database), read_only=True) as connection:
        page.write_text(the_page(connection), encoding="utf-8")
    print(f"{page} shows the newest whole days of {database}")


def the_page(connection: duckdb.DuckDBPyConnection) -> str:
    days = rows(
        connection,
        "SELECT date, active_users, active_users_counted, new_users, sessions, events, events_counted, "
        f"events_difference FROM amplitude__daily WHERE is_loaded_whole ORDER BY date DESC LIMIT {DAYS}",
    )[::-1]
    if not days:
        sys.exit("No day is loaded as a whole yet: the first and the last one never are.")
    first, last = days[0]["date"], days[-1]["date"]
    parts = [f"<h1>Amplitude, {first} to {last}</h1>", "<h2>Active users</h2>", active_users(days)]
    parts += ["<h2>Loaded and counted</h2>", differences(days)]
    if funnel := funnel_of(connection, first, last):
        parts += ["<h2>Funnel</h2>", funnel]
    parts += ["<h2>Retention</h2>", retention(connection, first, last)]
    body = "\n".join(parts)
    return f"<!doctype html><meta charset=utf-8><title>A week of Amplitude</title><style>{STYLE}</style>\n{body}\n"


def rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    found = connection.execute(sql, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def active_users(days: Iterable[dict[str, Any]]) -> str:
    days = list(days)
    most = max(max(day["active_users"], day["active_users_counted"] or 0) for day in days) or 1
    bars = []
    for number, day in enumerate(days):
        left = number * 90
        for offset, name, kind in ((0, "active_users", "ours"), (28, "active_users_counted", "theirs")):
            if day[name] is not None:
                height = 150 * float(day[name]) / most
                shape = f'x="{left + offset}" y="{170 - height:.1f}" width="26" height="{height:.1f}"'
                bars.append(f'<rect class="{kind}" {shape}/><text x="{left + offset}" y="{165 - height:.1f}">')
                bars.append(f"{int(day[name])}</text>")
        bars.append(f'<text x="{left}" y="188">{day["date"]:%m-%d}</text>')
    legend = "<p>Users with a loaded event (dark) beside those that Amplitude counts (light), by day.</p>"
    return f'{legend}<svg width="{len(days) * 90}" height="195" role="img">{"".join(bars)}</svg>'


def differences(days: Iterable[dict[str, Any]]) -> str:
    lines = []
    for day in days:
        differs = ' class="differs"' if day["events_difference"] else ""
        names = ("date", "events", "events_counted", "events_difference", "new_users", "sessions")
        cells = "".join(f"<td>{'-' if day[name] is None else day[name]}</td>" for name in names)
        lines.append(f"<tr{differs}>{cells}</tr>")
    heads = ("day", "events", "counted by Amplitude", "difference", "new users", "sessions")
    legend = "<p>The difference is loaded less counted. What may cause one, and what to do: docs/completeness.md.</p>"
    return f"{legend}{table(heads, lines)}"


def funnel_of(connection: duckdb.DuckDBPyConnection, first: object, last: object) -> str:
    """The funnel of all of the days together; empty where none was built."""
    if not rows(connection, "SELECT 1 FROM information_schema.tables WHERE table_name = 'amplitude__funnel'"):
        return ""
    steps = rows(
        connection,
        "SELECT step, event_type, sum(users) AS users FROM amplitude__funnel "
        "WHERE funnel_date BETWEEN ? AND ? GROUP BY step, event_type ORDER BY step",
        (first, last),
    )
    most = max((step["users"] for step in steps), default=0) or 1
    bars = []
    for number, step in enumerate(steps):
        width = 420 * float(step["users"]) / most
        label = f"{escape(step['event_type'])}: {int(step['users'])} ({float(step['users']) / most:.0%})"
        bars.append(f'<rect class="ours" x="0" y="{number * 36}" width="{width:.0f}" height="18"/>')
        bars.append(f'<text x="0" y="{number * 36 + 31}">{label}</text>')
    legend = (
        "<p>Who took the first step, and how many of them the next ones in order; by user and day of the first.</p>"
    )
    return f'{legend}<svg width="460" height="{len(steps) * 36 + 4}" role="img">{"".join(bars)}</svg>'


def retention(connection: duckdb.DuckDBPyConnection, first: object, last: object) -> str:
    found = rows(
        connection,
        "SELECT first_date, days_later, cohort_users, retention FROM amplitude__retention "
        "WHERE first_date >= ? AND days_later <= date_diff('day', first_date, ?) ORDER BY first_date, days_later",
        (first, last),
    )
    legend = "<p>Of the users whose first loaded event is on a day, those with an event so many days later.</p>"
    lines = []
    for date in sorted({row["first_date"] for row in found}):
        of_date = {row["days_later"]: row for row in found if row["first_date"] == date}
        cells = "".join(retained(of_date.get(day)) for day in range(DAYS))
        lines.append(f"<tr><td>{date}</td><td>{next(iter(of_date.values()))['cohort_users']}</td>{cells}</tr>")
    return f"{legend}{table(('first day', 'users', *(f'day {day}' for day in range(DAYS))), lines)}"


def retained(row: dict[str, Any] | None) -> str:
    if row is None:
        return "<td></td>"
    shade = 0.6 * row["retention"]  # light enough for the text
    return f'<td style="background: rgba(42, 111, 219, {shade:.2f})">{row["retention"]:.0%}</td>'


def table(heads: Iterable[str], lines: Iterable[str]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


if __name__ == "__main__":
    main()
