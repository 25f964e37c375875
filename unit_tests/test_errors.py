"""The tree at the beginning of `errors.py` is the tree of the classes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from source_amplitude import errors

PACKAGE = Path(__file__).parents[1] / "source_amplitude"
LINE = re.compile(r"^    ([│├└─ ]*)(\w+)( \*)?  +(?:\(([\w.]+)\))?", re.MULTILINE)


def classes() -> Iterator[tuple[str, str, str]]:
    """The module, the name and the first base of each exception that is derived from another of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name):
                yield module, node.name, node.bases[0].id


def drawn() -> Iterator[tuple[str, str, str]]:
    parents: list[str] = ["Exception"]
    for branch, name, _, module in LINE.findall(errors.__doc__ or ""):
        depth = len(branch) // 4
        yield module or "errors", name, parents[depth]
        parents[depth + 1 :] = [name]


def test_the_tree_has_every_error_for_users() -> None:
    family = {"AmplitudeError"}
    while found := {name for _, name, base in classes() if base in family} - family:
        family |= found
    assert {entry for entry in classes() if entry[1] in family} == set(drawn())


def test_public_errors_are_exported() -> None:
    """By the text of the module: importing it takes PySpark."""
    tree = ast.parse((PACKAGE / "lakeflow.py").read_text())
    exported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    public = {name for _, name, star, _ in LINE.findall(errors.__doc__ or "") if star}
    assert len(public) == 4
    assert public <= set(exported)
