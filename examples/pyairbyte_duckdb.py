"""Replicates events from Amplitude into a DuckDB file with PyAirbyte; each run continues where the last one ended.

    pip install airbyte
    python examples/pyairbyte_duckdb.py --config config.json --database amplitude.duckdb

PyAirbyte needs Python 3.10 to 3.12 and an environment of its own, since it asks for other versions of what the
connector uses. `--executable` is the connector's command in *its* environment. `--queries` runs the SQL blocks of a
Markdown file at the end.
"""

import argparse
import json
import re
from pathlib import Path

import airbyte as ab
import pandas as pd
from airbyte.caches import DuckDBCache

SQL_BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="the connector's configuration, a JSON file")
    parser.add_argument("--database", type=Path, required=True, help="the DuckDB file, made if it does not exist")
    parser.add_argument("--executable", type=Path, default=Path(".venv/bin/source-amplitude"))
    parser.add_argument("--queries", type=Path, help="a Markdown file with SQL to run after the sync")
    options = parser.parse_args()

    source = ab.get_source(
        "source-amplitude",
        config=json.loads(options.config.read_text()),
        streams=["events"],
        local_executable=options.executable.absolute(),
        install_if_missing=False,
    )
    source.check()
    cache = DuckDBCache(db_path=options.database)
    result = source.read(cache=cache)
    print(f"read {result.processed_records:,} events")
    if options.queries:
        for query in SQL_BLOCK.findall(options.queries.read_text(encoding="utf-8")):
            print(f"\n{query.strip()}\n")
            print(pd.DataFrame(cache.run_sql_query(query)).to_string(index=False))


if __name__ == "__main__":
    main()
