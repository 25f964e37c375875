"""Each measured figure of the docs is that of docs/measured.json."""

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import SCENARIOS, Bench
from benchmarks.cliffs import measure
from benchmarks.figures import load
from benchmarks.pages import BLOCK, PAGES, filled
from benchmarks.tables import TABLES, cliffs, spark, spread

FIGURES = load()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_what_was_measured(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- measured: ") == text.count("<!-- /measured -->") == len(BLOCK.findall(text))
    assert text == filled(text, FIGURES), "make docs"


def test_another_figure_changes_the_page() -> None:
    page = "before\n<!-- measured: latency -->\n<!-- /measured -->\nafter"
    runs = {"1": [{"wall": 30.0}], "5": [{"wall": 7.5}]}
    figures = {"bench": {"latency": {"windows": 15, "seconds": 2.0, "workers": runs}}}
    once = filled(page, figures)
    assert "15 windows of an hour, for each of which the server takes 2 s" in once
    assert "| 5 at once | 7.5 | 4.00 |" in once
    assert once.startswith("before\n")
    assert once.endswith("\nafter")
    runs["5"] = [{"wall": 10.0}]
    assert "| 5 at once | 10.0 | 3.00 |" in filled(once, figures)


def test_each_block_is_on_a_page_and_each_scenario_is_measured() -> None:
    shown = {name for page in PAGES for _, name, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert shown == set(TABLES)
    assert set(SCENARIOS) < set(FIGURES["bench"])
    assert all(callable(getattr(Bench, name)) for name in SCENARIOS)


def test_a_median_is_shown_with_the_smallest_and_the_largest_of_its_runs() -> None:
    assert spread([3.0, 1.0, 2.5], 1) == "2.5 (1.0-3.0)"
    assert spread([1234.5], 0) == "1,234"


def test_each_kind_of_unusual_lines_is_read_and_compared_with_usual_events() -> None:
    found = measure(usual=5, tiny=20, runs=2)
    assert {len(kind["cpu"]) for kind in found["kinds"]} == {2}
    rows = re.findall(r"^\| (.+?) \| .+? \| (.+?) \|", cliffs({"cliffs": found}), re.MULTILINE)[2:]
    assert rows[0] == ("usual events", "1.0")
    assert len(rows) == len(found["kinds"]) > 15


def test_what_spark_costs_is_shown_as_a_multiple_of_the_floor_beside_the_goal() -> None:
    def runs(*seconds: float) -> list[dict[str, float]]:
        return [{"events": 200_016, "cpu": cpu, "python": 1.0, "wall": 2.0, "peak_mb": 170} for cpu in seconds]

    read = {"events": 200_016, "runs": runs(9.0, 8.0, 7.0), "floor": runs(6.0, 5.0, 5.0)}
    few, batch = (
        spark({"reads": [{**read, "kind": kind}]}).splitlines()[-1] for kind in ("batch of the columns a", "batch")
    )
    assert "| 1.50 (1.40-1.60) | 1.31-1.62 | 1.06-1.31 |" in batch
    assert "| 1.50 (1.40-1.60) | 3.94-4.55 | 2.12 |" in few
