"""Loads records into DuckDB or PostgreSQL with the tables, names and types that a loader leaves there.

    python harness/load_tables.py --database amplitude.duckdb [--loader airbyte] [--objects] [--append] events.jsonl ...

Runs in the environment of dbt, which has the drivers. `make example` loads the same tables by PyAirbyte itself.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
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
    execute = connection.cursor().execute if in_postgres else connection.execute
    form = Form(options.loader, options.objects, in_postgres)
    for file in options.files:
        load(execute, file, form, append=options.append)
    connection.commit()
    connection.close()


def load(execute: Callable[..., Any], file: Path, form: "Form", *, append: bool) -> None:
    """Load the records of a file into the table that has its name."""
    table = file.stem
    types = form.types(table)
    declared = ", ".join(f'"{form.name(field)}" {kind}' for field, kind in types.items())
    execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({declared})')
    execute(f'CREATE TEMPORARY TABLE arrived AS SELECT * FROM "{table}" LIMIT 0')
    if form.in_postgres:
        insert_into_postgres(execute, file, form)
    else:
        insert_into_duckdb(execute, file, types)
    execute(f'UPDATE arrived SET "{EXTRACTED}" = now()')
    if table not in KEYS:
        execute(f'DELETE FROM "{table}"')
    elif not append:
        key = " AND ".join(f'arrived."{form.name(name)}" = "{table}"."{form.name(name)}"' for name in KEYS[table])
        execute(f'DELETE FROM "{table}" USING arrived WHERE {key}')
    execute(f'INSERT INTO "{table}" SELECT * FROM arrived')
    execute("DROP TABLE arrived")


def insert_into_postgres(execute: Callable[..., Any], file: Path, form: "Form") -> None:
    rows = [{form.name(field): value for field, value in json.loads(line).items()} for line in file.open()]
    execute("INSERT INTO arrived SELECT * FROM json_populate_recordset(NULL::arrived, %s)", [json.dumps(rows)])


def insert_into_duckdb(execute: Callable[..., Any], file: Path, types: dict[str, str]) -> None:
    columns = ", ".join(f"'{field}': '{kind}'" for field, kind in types.items())
    lines = f"read_json('{file}', format = 'newline_delimited', columns = {{{columns}}})"
    execute(f"INSERT INTO arrived SELECT * FROM {lines}")


@dataclass(frozen=True)
class Form:
    """How a loader names the columns of a database, and which types they have there.

    :param objects: whether property bags are objects, and not JSON as text
    """

    loader: str
    objects: bool
    in_postgres: bool

    def name(self, field: str) -> str:
        if self.loader == "spark":
            return field
        plain = field.replace("$", "_")
        return plain if self.loader == "airbyte" and self.in_postgres else plain.lower()

    def types(self, stream: str) -> dict[str, str]:
        """The type of each field of a stream, and of the time at which the loader wrote it."""
        fields = json.loads((SCHEMAS / f"{stream}.json").read_text())["properties"]
        types = {name: self._type(field) for name, field in fields.items()}
        types[EXTRACTED] = "timestamptz" if self.loader == "airbyte" else "timestamp"
        return types

    def _type(self, field: dict[str, Any]) -> str:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        [kind] = [kind for kind in kinds if kind != "null"]
        if field.get("format") == "date-time":
            return {"airbyte": "timestamptz", "spark": "varchar"}.get(self.loader, "timestamp")
        if field.get("format") == "date":
            return "varchar" if self.loader == "spark" else "date"
        json_type = "jsonb" if self.in_postgres else "json"
        if kind == "object":
            return json_type if self.objects else "varchar"
        types = {"string": "varchar", "integer": "bigint", "number": "decimal(38, 9)", "boolean": "boolean"}
        return types.get(kind, json_type)


if __name__ == "__main__":
    main()
