"""The SQL for warehouses that no test can reach, as their adapters for dbt compile it without a connection.

The project in `warehouses/` has the package and answers what a warehouse would. A parser of each dialect reads all
models and tests: the text is whole, each column is of a table that is there, and functions and types are those of the
dialect. What is compiled for Databricks also runs with Spark, and gives what it gives in DuckDB. That the rest does
what it should, only the warehouse shows.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.dbt_package import PROJECT, QUIET, REPOSITORY
from harness.rest import DAILY, SNAPSHOTS
from integration_tests.dbt.conftest import VARIABLES, DuckDB, Two

ENVIRONMENT = REPOSITORY / ".venv-warehouses"
STREAMS = ["events", "user_profiles", *DAILY, *SNAPSHOTS]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVERYWHERE = {
    "abs",
    "cast",
    "coalesce",
    "count",
    "greatest",
    "least",
    "max",
    "min",
    "row_number",
    "sum",
    "md5",
    "nullif",
}


@dataclass(frozen=True)
class Dialect:
    """What a warehouse documents, of functions and types; a name that a macro uses anew is looked up there first."""

    functions: set[str]
    types: set[str]


DIALECTS = {
    "snowflake": Dialect(
        {
            "convert_timezone", "date_part", "dateadd", "datediff", "flatten", "get", "listagg", "to_timestamp_ntz",
            "try_cast", "try_parse_json",
        },
        {"bigint", "boolean", "date", "double precision", "text", "timestamp_ntz", "varchar"},
    ),
    "bigquery": Dialect(
        {
            "date", "date_add", "date_diff", "json_value", "parse_json", "regexp_extract", "regexp_extract_all",
            "safe_cast", "string", "string_agg", "timestamp_add", "timestamp_diff", "to_hex", "to_json_string",
            "unnest",
        },
        {"bigint", "bool", "boolean", "date", "float64", "int64", "string", "timestamp"},
    ),
    "databricks": Dialect(
        {
            "array_join", "collect_list", "concat", "convert_timezone", "date_add", "datediff", "explode", "from_json",
            "get_json_object", "make_dt_interval", "sort_array", "timestampdiff", "try_cast", "unix_micros",
        },
        {"bigint", "boolean", "date", "decimal", "double", "string", "timestamp", "timestamp_ntz"},
    ),
}  # fmt: skip
# Of both formats and loaders, one each.
FIRST_BUILD = {"built_before": False, "amplitude_properties_format": "json_string"}
SECOND_BUILD = {"built_before": True, "amplitude_properties_format": "object", "amplitude_deduped": False}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package installed, as in docs/dbt.md."""
    made = subprocess.run(
        ["make", ".venv-warehouses/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    folder = tmp_path_factory.mktemp("warehouses") / "project"
    shutil.copytree(Path(__file__).parent / "warehouses", folder)
    (folder / "packages.yml").write_text(f"packages:\n  - local: {PROJECT}\n")
    dbt(folder, "deps")
    return folder


def dbt(project: Path, *arguments: str) -> None:
    ended = subprocess.run(
        [ENVIRONMENT / "bin" / "dbt", *arguments, "--project-dir", project, "--profiles-dir", project],
        cwd=project, env={**os.environ, **QUIET}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-5000:]


def loaded_columns(loader: str, dialect: str) -> dict[str, list[str]]:
    """The columns that a loader leaves in each table."""
    found = {}
    for stream in STREAMS:
        schema = json.loads((REPOSITORY / "source_amplitude" / "schemas" / f"{stream}.json").read_text())
        names = list(schema["properties"])
        if loader == "airbyte":
            names = [name.replace("$", "_") for name in (*names, "_airbyte_extracted_at")]
        found[stream] = [name.upper() if dialect == "snowflake" else name.lower() for name in names]
    return found


def compiled(project: Path, dialect: str, loader: str, **variables: Any) -> dict[str, dict[str, Any]]:
    """What each model and test uses and selects: `harness/warehouse_sql.py`."""
    target = project / "target" / f"{dialect}_{'again' if variables['built_before'] else 'first'}"
    given = {"amplitude_streams": STREAMS, "amplitude_loader": loader, **variables}
    # Nothing is looked up in the warehouse, which is not there.
    dbt(
        project, "compile", "--target", dialect, "--target-path", str(target), "--vars", json.dumps(given),
        "--no-introspect", "--no-populate-cache",
    )  # fmt: skip
    sources = target / "sources.json"
    sources.write_text(json.dumps(loaded_columns(loader, dialect)))
    script = REPOSITORY / "harness" / "warehouse_sql.py"
    read = subprocess.run(
        [ENVIRONMENT / "bin" / "python", script, dialect, target / "manifest.json", sources],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert read.returncode == 0, read.stderr
    found: dict[str, dict[str, Any]] = json.loads(read.stdout)
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_models_are_sql_of_the_warehouse_when_they_are_built_first_and_again(project: Path, dialect: str) -> None:
    first = compiled(project, dialect, "airbyte", **FIRST_BUILD)
    again = compiled(project, dialect, "spark" if dialect == "databricks" else "airbyte", **SECOND_BUILD)
    assert {"stg_amplitude__events", "amplitude__daily", "amplitude__funnel", "events_are_complete"} <= first.keys()
    assert len(first) > 100
    documented = DIALECTS[dialect]
    for name, node in [*first.items(), *again.items()]:
        assert set(node["functions"]) <= documented.functions | EVERYWHERE, name
        assert set(node["types"]) <= documented.types, name
    for name, node in again.items():
        # Rows of a build are put beside those that are there by the order of their columns.
        assert name not in first or node["columns"] == first[name]["columns"], name


ON_SPARK = {name: value for name, value in VARIABLES.items() if name != "amplitude_streams"}
# The types of Spark for those of the loaded tables.
SPARK_TYPES = {"BIGINT": "bigint", "BOOLEAN": "boolean", "DATE": "date", "DOUBLE": "double", "TIMESTAMP": "timestamp"}


def export(database: DuckDB, folder: Path) -> None:
    """Write the loaded tables as `harness/databricks_on_spark.py` reads them."""
    folder.mkdir()
    types = {}
    for table in STREAMS:
        columns = database.query(f"DESCRIBE {table}")
        types[table] = {
            column["column_name"]: SPARK_TYPES.get(column["column_type"].partition("(")[0], "string")
            for column in columns
        }
        replaced = ", ".join(
            f"""strftime("{name}", '%Y-%m-%dT%H:%M:%S.%fZ') AS "{name}\""""
            for name, kind in types[table].items()
            if kind == "timestamp"
        )
        select = f"SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM {table}"
        database.query(f"COPY ({select}) TO '{folder / table}.jsonl' (FORMAT json)")
    (folder / "types.json").write_text(json.dumps(types))


def test_spark_runs_the_models_for_databricks_and_they_are_those_in_duckdb(
    project: Path, two_syncs: Two, tmp_path: Path
) -> None:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    made = subprocess.run(["make", ".venv-spark/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    for name, database, built_before in (("first", two_syncs.first, False), ("again", two_syncs.second, True)):
        export(database, tmp_path / name)
        compiled(project, "databricks", "airbyte", built_before=built_before, **ON_SPARK)
        shutil.copy(project / "target" / f"databricks_{name}" / "manifest.json", tmp_path / name)
    script = REPOSITORY / "harness" / "databricks_on_spark.py"
    ended = subprocess.run(
        [REPOSITORY / ".venv-spark" / "bin" / "python", script, tmp_path / "first", tmp_path / "again"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-5000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    for model, rows in found.items():
        expected = two_syncs.second.query(f"SELECT * FROM {model}")
        assert in_order(rows) == in_order(expected), model
    assert sum(map(len, found.values())) > 5000


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps({name: plain(value) for name, value in row.items()}, sort_keys=True) for row in rows)


def plain(value: Any) -> Any:
    """A number without what the order of a sum makes of it; a text, also where DuckDB has it as a JSON string."""
    if isinstance(value, str) and value.startswith('"'):
        return json.loads(value)
    return round(value, 3) if isinstance(value, float) else value
