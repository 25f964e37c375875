"""Replicates Amplitude's data into DuckDB or PostgreSQL with PyAirbyte; each run continues where the last ended.

    pip install airbyte
    python examples/pyairbyte_sync.py --config config.json --database amplitude.duckdb
    python examples/pyairbyte_sync.py --config config.json --database amplitude.duckdb --streams events,cohorts
    python examples/pyairbyte_sync.py --config config.json --database amplitude.duckdb --streams cohorts --replace
    python examples/pyairbyte_sync.py --config config.json --database postgresql://user:password@host:5432/database

PyAirbyte needs Python 3.10 to 3.12 and an environment of its own, since it asks for other versions of what the
connector uses. `--executable` is the connector's command in *its* environment. `--queries` runs SQL at the end: the
blocks of a Markdown file that stand below a heading with the name of the database.
"""

import argparse
import json
import os
import re
from pathlib import Path

# Before the import: Airbyte's registry, which PyAirbyte asks otherwise, does not have this connector.
os.environ.setdefault("AIRBYTE_OFFLINE_MODE", "1")

import airbyte as ab
import pandas as pd
from airbyte.caches import CacheBase, DuckDBCache, PostgresCache
from sqlalchemy.engine import make_url

SQL_BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="the connector's configuration, a JSON file")
    parser.add_argument("--database", required=True, help="a DuckDB file, made if missing, or postgresql://...")
    parser.add_argument("--streams", default="events", help="separated by commas; * for all of them")
    parser.add_argument("--replace", action="store_true", help="read the streams anew and replace their tables")
    parser.add_argument("--executable", type=Path, default=Path(".venv/bin/source-amplitude"))
    parser.add_argument("--queries", type=Path, help="a Markdown file with SQL to run after the sync")
    options = parser.parse_args()

    names = [name.strip() for name in options.streams.split(",")]
    source = ab.get_source(
        "source-amplitude",
        config=json.loads(options.config.read_text()),
        streams="*" if names == ["*"] else names,
        local_executable=options.executable.absolute(),
        install_if_missing=False,
    )
    source.check()
    in_postgresql = options.database.startswith("postgresql://")
    cache = postgresql(options.database) if in_postgresql else DuckDBCache(db_path=Path(options.database))
    # By default PyAirbyte merges by the key, and keeps what is no longer at Amplitude.
    strategy = "replace" if options.replace else "auto"
    result = source.read(cache=cache, write_strategy=strategy, force_full_refresh=options.replace)
    print(f"read {result.processed_records:,} records of {', '.join(source.get_selected_streams())}")
    if options.queries:
        _, _, section = options.queries.read_text(encoding="utf-8").partition(
            f"\n## {'PostgreSQL' if in_postgresql else 'DuckDB'}\n"
        )
        for query in SQL_BLOCK.findall(section.partition("\n## ")[0]):
            print(f"\n{query.strip()}\n")
            print(pd.DataFrame(cache.run_sql_query(query)).to_string(index=False))


def postgresql(address: str) -> CacheBase:
    url = make_url(address)
    return PostgresCache(
        host=url.host or "localhost",
        port=url.port or 5432,
        username=url.username or "",
        password=url.password or "",
        database=url.database or "",
        schema_name="public",
    )


if __name__ == "__main__":
    main()
