"""docs/scale.md is computed from docs/measured.json and from the limits that the code keeps."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from source_amplitude.export.width import TARGET_ARCHIVE_BYTES

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    specification = importlib.util.spec_from_file_location("scale", DOCS / "scale.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_what_the_generator_makes(scale: ModuleType) -> None:
    assert (DOCS / "scale.md").read_text(encoding="utf-8") == scale.page(), "make docs"


def test_the_limits_are_those_of_the_code(scale: ModuleType) -> None:
    spec = json.loads((REPOSITORY / "source_amplitude" / "spec.json").read_text())["connectionSpecification"]
    workers = spec["properties"]["num_workers"]
    assert (workers["default"], workers["maximum"]) == (scale.DEFAULT_WORKERS, scale.REQUESTS_AT_ONCE)
    assert scale.TARGET_ARCHIVE_MB * 2**20 == TARGET_ARCHIVE_BYTES


def test_a_day_that_amplitude_cannot_send_is_planned_for_nowhere(scale: ModuleType) -> None:
    large = json.loads((DOCS / "measured.json").read_text())["bench"]["large"]
    # An hour of 4 GB, twice the mean one.
    largest = int(4e9 / (large["zip_mb"] * 1e6 / large["events"]) * 24 / 2)
    assert abs(scale.MOST_A_DAY - largest) < 2
    assert scale.day(largest)[4:] == ("24 new, 48 again", "24 new, 48 again")
    assert scale.day(largest + 2)[4:] == ("not possible", "not possible")
    assert max(scale.possible()) <= largest


@pytest.mark.parametrize(
    ("events", "windows"),
    [(1, 1), (13_500_000, 1), (13_700_000, 8), (20_000_000, 12), (100_000_000, 24)],
)
def test_windows_are_a_day_or_narrow_until_their_archives_are_near_512_mib(
    scale: ModuleType, monkeypatch: pytest.MonkeyPatch, events: int, windows: int
) -> None:
    monkeypatch.setattr(scale, "ZIP_BYTES", 295)
    assert scale.exports(events) == windows


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.64, "4.6 s"), (90, "1.5 min"), (3600, "1 h"), (86_400, "24 h"), (10 * 86_400, "10 days")]
)
def test_durations_are_said_in_the_unit_that_reads_best(scale: ModuleType, seconds: float, said: str) -> None:
    assert scale.duration(seconds) == said
