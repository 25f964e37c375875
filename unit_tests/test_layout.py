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


# Each in a process forked from one that has other projects' packages alone: it does without the modules before it.
IMPORT_EACH = """
import importlib, os, sys
import isal.igzip, jsonschema, msgspec, pendulum, pyrate_limiter, requests
for module in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(f"source_amplitude.{module}")
        doors = {name.partition(".")[0] for name in sys.modules} & {"airbyte_cdk", "pyspark"}
        print(module, *sorted(doors), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """For each core module that can be imported on its own: which of the CDK and PySpark that loads."""
    command = [sys.executable, "-c", IMPORT_EACH, *CORE]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return {module: doors for module, *doors in map(str.split, ran.stdout.splitlines())}


def test_a_core_module_imports_neither_airbyte_nor_spark(imported: dict[str, list[str]]) -> None:
    assert len(CORE) > 50
    assert imported == {module: [] for module in CORE}


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
