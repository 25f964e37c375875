"""Runs the models that dbt compiled for Databricks with Spark, which has nearly the same SQL, and prints their rows.

    python harness/databricks_on_spark.py first second

Runs in Spark's environment. Each folder is a build: `manifest.json` of dbt, and the loaded tables as `*.jsonl`, with
`types.json` beside them. Rows of a build take the place of those with the same key, as by the adapter's `merge`.
"""

import json
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

DATABASE = "`analytics`.`amplitude`."


def main() -> None:
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "America/New_York")  # nothing depends on it
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    models: list[str] = []
    for folder in map(Path, sys.argv[1:]):
        load(spark, folder)
        models = build(spark, json.loads((folder / "manifest.json").read_text()))
    rows = {model: [row.asDict() for row in spark.table(model).collect()] for model in models}
    print(json.dumps(rows, default=str))


def load(spark: SparkSession, folder: Path) -> None:
    """Make a view of each loaded table."""
    types: dict[str, dict[str, str]] = json.loads((folder / "types.json").read_text())
    for table, columns in types.items():
        schema = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        spark.read.schema(schema).json(str(folder / f"{table}.jsonl")).createOrReplaceTempView(table)


def build(spark: SparkSession, manifest: dict[str, Any]) -> list[str]:
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter({name: node["depends_on"]["nodes"] for name, node in nodes.items()}).static_order()
    names = []
    for node in (nodes[name] for name in order if name in nodes):
        sql = node["compiled_code"].replace(DATABASE, "")
        if node["config"]["materialized"] == "incremental":
            merge(spark, node, spark.sql(sql))
        else:
            spark.sql(sql).createOrReplaceTempView(node["name"])
        names.append(node["name"])
    return names


def merge(spark: SparkSession, node: dict[str, Any], rows: DataFrame) -> None:
    """Make a table of the rows and of those of the build before with other keys; without a key, of all of both."""
    name, key = node["name"], node["config"]["unique_key"]
    rows.write.saveAsTable(f"new_{name}")
    if spark.catalog.tableExists(name):
        new, before = spark.table(f"new_{name}"), spark.table(name)
        if key is not None:
            before = before.join(new, [key] if isinstance(key, str) else key, "left_anti")
        before.select(new.columns).unionAll(new).write.saveAsTable(f"merged_{name}")
        spark.sql(f"DROP TABLE {name}")
        spark.sql(f"DROP TABLE new_{name}")
        spark.sql(f"ALTER TABLE merged_{name} RENAME TO {name}")
    else:
        spark.sql(f"ALTER TABLE new_{name} RENAME TO {name}")


if __name__ == "__main__":
    main()
