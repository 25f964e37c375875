"""Each promise of the documentation has a test that exists, and the pages for newcomers and developers are true."""

import ast
import re
from pathlib import Path

import pytest
import yaml

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


def test_the_readme_leads_to_every_page() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert {"make demo", "make test"} <= set(re.findall(r"^(make \w+) ", readme, re.MULTILINE))
    pages = {f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md")}
    assert pages | {"CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"} <= set(
        re.findall(r"\]\(([^)#]+)", readme)
    )


CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()


def test_the_page_for_developers_names_every_room_and_only_files_that_exist() -> None:
    layout = CONTRIBUTING.partition("## Where things are")[2].partition("## Glossary")[0]
    package = REPOSITORY / "source_amplitude"
    rooms = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"^  (\w+/)", layout, re.MULTILINE))
    for name in re.findall(r"\b[\w/]+\.(?:py|json)\b", layout):
        assert [name for folder in (package, package / "export", REPOSITORY) if (folder / name).exists()], name


def test_the_forge_runs_what_ci_runs_on_every_python_that_is_supported_and_the_oldest_spark() -> None:
    job, oldest = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert [step["run"] for step in oldest["steps"] if "run" in step] == ["make test-spark-oldest"]
    project = (REPOSITORY / "pyproject.toml").read_text()
    [(lowest, above)] = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(lowest), int(above))]
    [spark] = re.findall(r'"pyspark>=(\d+\.\d+),', project)
    locked = (REPOSITORY / "requirements" / "spark-oldest.txt").read_text()
    assert re.findall(r"^pyspark\[connect\]==(\d+\.\d+)\.", locked, re.MULTILINE) == [spark]


def test_a_commit_runs_what_make_lint_runs() -> None:
    [local] = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local", "hooks that are downloaded need a network"
    assert [(hook["entry"], hook["language"]) for hook in local["hooks"]] == [("make lint", "system")]
