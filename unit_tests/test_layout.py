"""Imports point one way: the core knows neither Airbyte nor Spark."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "source_amplitude"
DOORS = {"airbyte", "spark"}
# Where Airbyte, Python and the docs look for the doors.
ENTRANCES = {"__main__", "lakeflow", "run", "source"}


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths if path.parts != ("__init__",))


CORE = [name for name in modules() if name.partition(".")[0] not in DOORS | ENTRANCES]


@pytest.mark.parametrize("module", CORE)
def test_a_core_module_imports_neither_airbyte_nor_spark(module: str) -> None:
    script = (
        f"import sys, source_amplitude.{module}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'airbyte_cdk', 'pyspark'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(("door", "other"), [("airbyte", "spark"), ("spark", "airbyte")])
def test_a_door_does_not_import_the_other(door: str, other: str) -> None:
    for path in (PACKAGE / door).rglob("*.py"):
        assert f"source_amplitude.{other}" not in path.read_text(), path


@pytest.mark.parametrize("module", ["events.converter", "export.archive"])
def test_what_converts_does_not_load_what_only_requests_need(module: str) -> None:
    script = (
        f"import sys, source_amplitude.{module}\nprint({{'requests', 'jsonschema', 'pendulum'}} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


@pytest.mark.parametrize("folder", ["unit_tests", "integration_tests"])
def test_no_module_of_tests_imports_from_another(folder: str) -> None:
    """What several need is in a module of helpers, which pytest does not collect."""
    for path in (REPOSITORY / folder).rglob("*.py"):
        assert not re.search(
            r"^\s*(from|import) (unit_tests|integration_tests)\S*\btest_", path.read_text(), re.MULTILINE
        ), path
