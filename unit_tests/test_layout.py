"""Imports point one way: the core knows neither Airbyte nor Spark."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "source_amplitude"
DOORS = {"airbyte", "lakeflow"}
# Of the rooms that are core but for these.
ONLY_AIRBYTE = {
    "run",
    "source",
    "__main__",
    "events.stream",
    "user_profiles.stream",
    "user_profiles.availability",
    "rest.stream",
    "rest.streams",
    "rest.daily_stream",
    "rest.members_stream",
    "rest.budget",
}


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths if path.parts != ("__init__",))


CORE = [name for name in modules() if name not in ONLY_AIRBYTE and name.partition(".")[0] not in DOORS]


def test_the_exceptions_exist() -> None:
    assert set(modules()) >= ONLY_AIRBYTE


@pytest.mark.parametrize("module", CORE)
def test_a_core_module_imports_neither_airbyte_nor_spark(module: str) -> None:
    script = (
        f"import sys, source_amplitude.{module}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'airbyte_cdk', 'pyspark'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["events.converter", "events.second_process", "export.archive"])
def test_what_converts_does_not_load_what_only_requests_need(module: str) -> None:
    script = (
        f"import sys, source_amplitude.{module}\nprint({{'requests', 'jsonschema', 'pendulum'}} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
