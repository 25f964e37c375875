"""Each promise of the documentation has a test that exists, and the README explains the whole form."""

import ast
import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
RELIABILITY = (REPOSITORY / "docs" / "reliability.md").read_text()
PROOFS = re.findall(r"`((?:unit|integration)_tests/[\w/]+\.py)(?:::(\w+))?`", RELIABILITY)


@pytest.mark.parametrize(("path", "test"), PROOFS)
def test_each_proof_that_the_docs_name_exists(path: str, test: str) -> None:
    names = {
        node.name for node in ast.walk(ast.parse((REPOSITORY / path).read_text())) if isinstance(node, ast.FunctionDef)
    }
    assert not test or test in names


def test_each_promise_has_a_proof() -> None:
    rows = re.findall(
        r"^\| (?!promise|answer|-)(.+) \|$", (REPOSITORY / "docs" / "reliability.md").read_text(), re.MULTILINE
    )
    promises = [row for row in rows if row.count(" | ") == 1]
    assert len(promises) > 20
    assert [row for row in promises if "::" not in row] == []


def test_the_readme_explains_each_field_of_the_form() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    spec = json.loads((REPOSITORY / "source_amplitude" / "spec.json").read_text())
    fields = spec["connectionSpecification"]["properties"]
    assert [name for name in fields if f"`{name}`" not in readme] == []


def test_each_file_that_the_readme_names_exists() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (REPOSITORY / target).exists(), target
