"""Over Spark Connect too all rows come, and no key is shown, whichever way the keys are given."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from amplitude_simulator import Project, Simulator
from harness.spark import spark_environment, write_settings
from harness.spark_connect import connect_server
from harness.spark_shown import before_secrets, pages, texts
from integration_tests.spark.conftest import FIRST_HOUR, NOW

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

PROJECT = Project(FIRST_HOUR, events_per_hour=1)
KEYS = {"api_key": PROJECT.api_key, "secret_key": PROJECT.secret_key}
START = {"start_date": f"{FIRST_HOUR:%Y-%m-%d}"}
WAYS = {"by_environment": START, "by_options": {**START, **KEYS}}
ways = pytest.mark.parametrize("way", WAYS)


@dataclass
class Session:
    """What is left of a session that read in both ways.

    :param found: by its client (see `connect_client`), for each way
    :param shown: by the UI, in what processes printed, in files
    :param log: the event log, of which each line is JSON
    """

    found: dict[str, Any]
    shown: list[str]
    log: str


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("connect")
    settings = folder / "settings.json"
    write_settings(settings, NOW)
    with Simulator(PROJECT, now=NOW) as simulator:
        environment = spark_environment(simulator.environment, settings)
        environment |= {f"AMPLITUDE_{name.upper()}": key for name, key in KEYS.items()}
        with connect_server(folder, environment) as server:
            found, printed = server.run("integration_tests.spark.connect_client", folder=str(folder), ways=WAYS)
            shown = [printed, *pages(server.ui, "connect")]
    shown.append((folder / "server.txt").read_text())
    for way in WAYS:
        shown += texts(folder / f"{way}_checkpoint")
    return Session(found, shown, "".join(texts(folder / "log")))


@ways
@pytest.mark.parametrize("kind", ["batch", "stream", "view"])
def test_given_spark_connect_then_each_event_comes_once(session: Session, way: str, kind: str) -> None:
    whole = PROJECT.uuids(FIRST_HOUR, FIRST_HOUR + timedelta(hours=71))
    assert session.found[way]["uuids"][kind] == Counter(whole)


@ways
def test_given_a_wrong_region_then_the_sentence_comes_to_the_client(session: Session, way: str) -> None:
    error = session.found[way]["error"]
    assert "ConfigError: The project of these keys is in the US region: set region to US." in error
    assert not before_secrets([error], KEYS.values())


@ways
def test_given_spark_connect_then_plans_show_no_key(session: Session, way: str) -> None:
    shown = session.found[way]["shown"]
    assert "BatchScan amplitude" in shown
    assert not before_secrets([shown], KEYS.values())


def test_given_keys_as_options_then_neither_the_event_log_nor_anything_else_shows_them(session: Session) -> None:
    events = [json.loads(line) for line in session.log.splitlines()]
    requests = [event["statementText"] for event in events if event["Event"].endswith("ConnectOperationStarted")]
    assert sum("(redacted)" in request and "amplitude" in request for request in requests) >= 4
    assert not before_secrets([session.log, *session.shown], KEYS.values())
