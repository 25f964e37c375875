"""The models are the same whichever form the loaded tables have: by Spark, or by Airbyte as objects and appended."""

from datetime import timedelta
from pathlib import Path

import pytest

from integration_tests.dbt.conftest import QUERIES, VARIABLES, Loading, Two, a_project, in_file, simulated

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("dbt"), pytest.mark.timeout(900)]

FORMS = {
    "spark": (("--loader=spark",), "json_string", {"amplitude_loader": "spark"}),
    "appended objects": (
        ("--loader=airbyte", "--objects", "--append"),
        "object",
        {"amplitude_loader": "airbyte", "amplitude_properties_format": "object", "amplitude_deduped": False},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_form_the_tables_have_the_models_are_the_same(form: str, two_syncs: Two, tmp_path: Path) -> None:
    options, properties_format, variables = FORMS[form]
    database = in_file(tmp_path / "amplitude.duckdb", tmp_path / "dbt", {**VARIABLES, **variables})
    with simulated(a_project()) as simulator:
        loading = Loading(simulator, tmp_path, options, {"properties_format": properties_format})
        for _ in range(2):
            loading.sync(str(database.file))
            if "--append" in options:  # as an interrupted sync leaves them
                database.query("INSERT INTO events SELECT * FROM events ORDER BY uuid LIMIT 20")
            built = database.dbt.run("build")
            assert built.exit_code == 0, built.output
            simulator.now += timedelta(days=1)
    [repeated] = database.values("SELECT count(*) - count(DISTINCT date) FROM event_totals")
    assert (repeated > 0) == ("--append" in options), "days that the second sync read again"
    for query in QUERIES:
        rows = database.query(query)
        assert rows
        assert rows == two_syncs.second.query(query)
