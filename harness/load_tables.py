"""Loads records into DuckDB or PostgreSQL with the tables, names and types that a loader leaves there.

    python harness/load_tables.py --database amplitude.duckdb [--loader airbyte] [--objects] [--append] events.jsonl ...

Runs in the environment of dbt, which has the drivers. `make example` loads the same tables by PyAirbyte itself.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import duckdb
import psycopg2

SCHEMAS = Path(__file__).parents[1] / "source_amplitude" / "schemas"
# Streams that are read incrementally; the others are loaded anew, as with *Full Refresh | Overwrite*.
KEYS = {
    "events": ["uuid"],
    "event_totals": ["date"],
    "active_users": ["date"],
    "new_users": ["date"],
    "average_session_length": ["date"],
    "sessions_per_user": ["date"],
    "session_length_distribution": ["date", "bucket"],
}
EXTRACTED = "_airbyte_extracted_at"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--loader", choices=("pyairbyte", "airbyte", "spark"), default="pyairbyte")
    parser.add_argument("--objects", action="store_true", help="the records have objects, and not JSON as text")
    parser.add_argument("--append", action="store_true", help="keep what is there under the same key")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    in_postgres = options.database.startswith("postgresql://")
    connection: Any = psycopg2.connect(options.database) if in_postgres else duckdb.connect(options.database)
    for file in options.files:
        load(connection, file, options, in_postgres=in_postgres)
    connection.commit()
    connection.close()


def load(connection: Any, file: Path, options: argparse.Namespace, *, in_postgres: bool) -> None:
    table = file.stem
    execute = connection.cursor().execute if in_postgres else connection.execute
    fields = json.loads((SCHEMAS / f"{table}.json").read_text())["properties"]
    columns = {name: type_of(field, options, in_postgres=in_postgres) for name, field in fields.items()}
    columns[EXTRACTED] = "timestamptz" if options.loader == "airbyte" else "timestamp"
    names = {name: name_of(name, options, in_postgres=in_postgres) for name in columns}
    declared = ", ".join(f'"{names[name]}" {kind}' for name, kind in columns.items())
    execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({declared})')
    execute(f'CREATE TEMPORARY TABLE arrived AS SELECT * FROM "{table}" LIMIT 0')
    if in_postgres:
        rows = [{names[name]: value for name, value in json.loads(line).items()} for line in file.open()]
        execute("INSERT INTO arrived SELECT * FROM json_populate_recordset(NULL::arrived, %s)", [json.dumps(rows)])
    else:
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        lines = f"read_json('{file}', format = 'newline_delimited', columns = {{{kinds}}})"
        execute(f"INSERT INTO arrived SELECT * FROM {lines}")
    execute(f'UPDATE arrived SET "{EXTRACTED}" = now()')
    if table not in KEYS:
        execute(f'DELETE FROM "{table}"')
    elif not options.append:
        key = " AND ".join(f'arrived."{names[name]}" = "{table}"."{names[name]}"' for name in KEYS[table])
        execute(f'DELETE FROM "{table}" USING arrived WHERE {key}')
    execute(f'INSERT INTO "{table}" SELECT * FROM arrived')
    execute("DROP TABLE arrived")


def name_of(name: str, options: argparse.Namespace, *, in_postgres: bool) -> str:
    if options.loader == "spark":
        return name
    plain = name.replace("$", "_")
    return plain if options.loader == "airbyte" and in_postgres else plain.lower()


def type_of(field: dict[str, Any], options: argparse.Namespace, *, in_postgres: bool) -> str:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    [kind] = [kind for kind in kinds if kind != "null"]
    if field.get("format") == "date-time":
        return {"airbyte": "timestamptz", "spark": "varchar"}.get(options.loader, "timestamp")
    if field.get("format") == "date":
        return "varchar" if options.loader == "spark" else "date"
    json_type = "jsonb" if in_postgres else "json"
    if kind == "object":
        return json_type if options.objects else "varchar"
    types = {"string": "varchar", "integer": "bigint", "number": "decimal(38, 9)", "boolean": "boolean"}
    return types.get(kind, json_type)


if __name__ == "__main__":
    main()
