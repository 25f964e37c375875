"""Reads the SQL that dbt compiled for a warehouse, and prints what each model and test uses and selects, as JSON.

    python harness/warehouse_sql.py snowflake manifest.json sources.json

Runs in the environment of the warehouses' adapters, which has the parser. `sources.json` has the columns of each loaded
table. Fails where a text is no SQL of the dialect, and where a column is of no table, or might be of two.
"""

import json
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema
from sqlglot.tokens import Token

# For Databricks the parser finds no column with a dollar in its name.
DOLLAR = ("$insert_id", "_insert_id")
CASTS = {"cast", "try_cast", "safe_cast"}
# Before a parenthesis without being functions.
WORDS = {
    "as",
    "by",
    "and",
    "in",
    "or",
    "on",
    "over",
    "from",
    "join",
    "where",
    "select",
    "then",
    "union",
    "group",
    "not",
}


def main() -> None:
    dialect, manifest, sources = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]
    loaded: dict[str, list[str]] = json.loads(Path(sources).read_text())
    reader = Reader(dialect)
    for source in manifest["sources"].values():
        reader.add_table(source["relation_name"], loaded[source["name"]])
    nodes = manifest["nodes"]
    order = TopologicalSorter({name: node["depends_on"]["nodes"] for name, node in nodes.items()}).static_order()
    found = {}
    for name in (name for name in order if name in nodes):
        try:
            found[nodes[name]["name"]] = reader.read(nodes[name])
        except SqlglotError as error:
            sys.exit(f"{name} is no SQL of {dialect}: {error}\n{nodes[name]['compiled_code']}")
    print(json.dumps(found))


class Reader:
    """Knows the tables so far, as a warehouse does."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._schema = MappingSchema(dialect=dialect, normalize=False)

    def add_table(self, name: str, columns: list[str]) -> None:
        table = normalize_identifiers(exp.to_table(name, dialect=self._dialect), dialect=self._dialect)
        self._schema.add_table(table, {name.replace(*DOLLAR): "unknown" for name in columns})

    def read(self, node: dict[str, Any]) -> dict[str, Any]:
        sql = node["compiled_code"].replace(*DOLLAR)
        [tree] = sqlglot.parse(sql, dialect=self._dialect, error_level=ErrorLevel.RAISE)
        columns = self._columns(tree)
        if node["resource_type"] == "model":  # before its columns are looked up: it may read the table that it makes
            self.add_table(node["relation_name"], columns)
        self._qualified(tree)
        tokens = sqlglot.tokenize(sql, dialect=self._dialect)
        return {"columns": columns, "functions": sorted(functions(tokens)), "types": sorted(types(tokens))}

    def _columns(self, tree: Any) -> list[str]:
        """The selected columns by the names that the warehouse gives them: folded where they are not quoted."""
        folded = normalize_identifiers(tree.copy(), dialect=self._dialect)
        if folded.is_star:
            folded = self._qualified(tree.copy())
        return [str(name) for name in folded.named_selects]

    def _qualified(self, tree: Any) -> Any:
        """The tree with each column looked up; raises SqlglotError where one is of no table or of two."""
        return qualify(tree, dialect=self._dialect, schema=self._schema, quote_identifiers=False)


def functions(tokens: list[Token]) -> set[str]:
    """The functions that are called, by the names that are written."""
    texts = [token.text.lower() for token in tokens]
    called = {
        texts[position]
        for position, text in enumerate(texts[1:])
        if text == "(" and texts[position - 1] != "as"  # a type, such as decimal(18, 6), or a subquery of `with`
    }
    return {name for name in called if name.isidentifier()} - WORDS


def types(tokens: list[Token]) -> set[str]:
    """The types that something is cast to, by the names that are written."""
    found, open_casts, depth = set(), [], 0
    for position, token in enumerate(tokens):
        text = token.text.lower()
        if text == "(":
            depth += 1
            if tokens[position - 1].text.lower() in CASTS:
                open_casts.append(depth)
        elif text == ")":
            if open_casts and open_casts[-1] == depth:
                open_casts.pop()
            depth -= 1
        elif text == "as" and open_casts and open_casts[-1] == depth:
            found.add(first_words(tokens[position + 1 :]))
    return found


def first_words(tokens: list[Token]) -> str:
    """What comes before the next parenthesis."""
    words = []
    for token in tokens:
        if token.text in "()":
            break
        words.append(token.text.lower())
    return " ".join(words)


if __name__ == "__main__":
    main()
