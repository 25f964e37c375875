"""Constants that tests replace by name are looked up whenever they are used (CONTRIBUTING.md, "Style")."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "source_amplitude"
USERS = ("harness", "integration_tests", "unit_tests", "demo", "benchmarks")
# A constant by the name of its module within the package, as in `settings={"http.retry.MAX_TRIES": 2}`.
DOTTED = re.compile(r'"((?:[a-z_0-9]+\.)+)([A-Z][A-Z_0-9]+)["=]')
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def replaced_by_name() -> Iterator[tuple[str, str]]:
    texts = (path.read_text() for folder in USERS for path in (REPOSITORY / folder).rglob("*.py"))
    for module, constant in sorted({found for text in texts for found in DOTTED.findall(text)}):
        if (PACKAGE / f"{module.rstrip('.').replace('.', '/')}.py").exists():
            yield module.rstrip("."), constant


def used_on_import(tree: ast.AST, constant: str) -> list[int]:
    """The lines in which a name is read while a module is imported: outside of bodies of functions."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Name) and node.id == constant and isinstance(node.ctx, ast.Load):
            found.append(node.lineno)
        elif isinstance(node, _FUNCTIONS):
            of_definition = [node.args, *getattr(node, "decorator_list", [])]
            found += [line for part in of_definition for line in used_on_import(part, constant)]
        else:
            found += used_on_import(node, constant)
    return found


def copies(module: str, constant: str) -> Iterator[str]:
    """Where a module takes a value of its own of a constant, which a replacement does not reach."""
    for path, node in IMPORTS:
        if node.module == f"source_amplitude.{module}" and constant in (alias.name for alias in node.names):
            yield f"{path.relative_to(REPOSITORY)}, line {node.lineno}"


def test_the_time_of_day_is_read_in_one_place() -> None:
    readers = [
        path.name for path in PACKAGE.rglob("*.py") if re.search(r"\.(utc)?now\(timezone|today\(", path.read_text())
    ]
    assert readers == ["clock.py"]
    imports = [path for path, node in IMPORTS if "utc_now" in (alias.name for alias in node.names)]
    assert imports == [], "write clock.utc_now() there"


REPLACED = list(replaced_by_name())
IMPORTS = [
    (path, node)
    for path in PACKAGE.rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ImportFrom)
]


def test_constants_that_tests_replace_are_found() -> None:
    assert ("http.retry", "MAX_TRIES") in REPLACED
    assert len(REPLACED) > 15


@pytest.mark.parametrize(("module", "constant"), REPLACED)
def test_a_constant_that_tests_replace_exists_and_is_looked_up_when_it_is_used(module: str, constant: str) -> None:
    assert hasattr(importlib.import_module(f"source_amplitude.{module}"), constant)
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text())
    assert used_on_import(tree, constant) == [], "a default, a decorator or another constant has a value of its own"
    assert list(copies(module, constant)) == [], f"write {module.rpartition('.')[2]}.{constant} there"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f(): return LIMIT", []),
        ("f = lambda: LIMIT", []),
        ("def f(limit=LIMIT): ...", [1]),
        ("f = lambda limit=LIMIT: limit", [1]),
        ("@cache(LIMIT)\ndef f(): ...", [1]),
        ("TWICE = 2 * LIMIT", [1]),
        ("class A:\n    limit = LIMIT\n    def f(self): return LIMIT", [2]),
    ],
)
def test_the_rule_finds_what_it_forbids(code: str, lines: list[int]) -> None:
    assert used_on_import(ast.parse(code), "LIMIT") == lines
