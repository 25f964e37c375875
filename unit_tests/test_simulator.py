"""The simulated Amplitude: a fault that changes nothing is an error, since the test that needs it proves nothing."""

import base64
import gzip
from datetime import datetime, timezone
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from amplitude_simulator import Cohort, Fault, Project, RestData, Simulator
from amplitude_simulator.faults import FaultNotAppliedError
from amplitude_simulator.server import _Handler
from harness.moments import FIRST_HOUR

NOW = datetime(2024, 3, 15, tzinfo=timezone.utc)
EXPORT = "/us/api/2/export?start=20240313T00&end=20240313T00"
EMPTY_EXPORT = "/us/api/2/export?start=20230101T00&end=20230101T00"
EVENTS = "/us/api/2/events/list"
FILE = "/us/api/5/cohorts/request/q%2F00001/file"


def a_simulator(*faults: Fault, **cohort: str) -> Simulator:
    project = Project(FIRST_HOUR, rest=RestData(cohorts=(Cohort("a", **cohort),)))  # type: ignore[arg-type]
    simulator = Simulator(project, NOW)
    simulator.faults += faults
    return simulator


def ask(simulator: Simulator, path: str) -> bytes | None:
    """The body of an answer as it came over the wire; None without a whole answer."""
    keys = base64.b64encode(f"{simulator.project.api_key}:{simulator.project.secret_key}".encode()).decode()
    try:
        with urlopen(Request(simulator.url + path, headers={"Authorization": f"Basic {keys}"})) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        return error.read()
    except (OSError, HTTPException):
        return None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (EMPTY_EXPORT, Fault("truncate")),
        (EMPTY_EXPORT, Fault("members", transform=list)),
        (EXPORT, Fault("truncate", at=10**9)),
        (EXPORT, Fault("reset_body", at=-(10**9))),
        ("/us/nowhere", Fault("slow_body", api="rest")),
        (EVENTS, Fault("gzip_crc", api="rest")),
        (EVENTS, Fault("body", api="rest", change=bytes)),
    ],
)
def test_given_a_fault_that_cannot_be_applied_then_the_simulator_raises_when_it_stops(path: str, fault: Fault) -> None:
    with pytest.raises(FaultNotAppliedError), a_simulator(fault) as simulator:
        ask(simulator, path)


@pytest.mark.parametrize("fault", [Fault("hang", api="profile"), Fault("latency", hour=NOW), Fault("gather", times=0)])
def test_given_a_fault_that_meets_no_request_then_the_simulator_raises_when_it_stops(fault: Fault) -> None:
    with pytest.raises(FaultNotAppliedError, match=f"{fault.kind} met no request"), a_simulator(fault) as simulator:
        ask(simulator, EXPORT)


def test_given_an_answer_without_a_body_to_change_then_the_fault_strikes_the_next_one() -> None:
    with a_simulator(Fault("truncate", times=1)) as simulator:
        assert ask(simulator, EMPTY_EXPORT) == b"Raw data files were not found."
        assert ask(simulator, EXPORT) is None
        assert ask(simulator, EXPORT) is not None
    assert [request.fault is not None for request in simulator.log] == [False, True, False]


def test_given_a_fault_chosen_by_chance_then_it_may_miss() -> None:
    with a_simulator(Fault("truncate")) as simulator:
        ask(simulator, EMPTY_EXPORT)
        simulator.allow_missed_faults()


def test_given_a_failure_of_the_simulator_itself_then_it_raises_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_Handler, "_rest")
    with pytest.raises(AttributeError), a_simulator() as simulator:
        assert ask(simulator, EVENTS) is None


def test_given_an_error_of_the_test_then_it_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="None"), a_simulator(Fault("gzip_cut", api="rest")) as simulator:
        int(str(ask(simulator, EVENTS)))


@pytest.mark.parametrize("kind", ["truncate", "reset_body", "truncate_quietly"])
@pytest.mark.parametrize("path", [EVENTS, FILE])
def test_given_a_cut_then_it_is_in_a_body_with_a_length_and_in_one_in_chunks(kind: str, path: str) -> None:
    with a_simulator(Fault(kind, api="rest", path=path.removeprefix("/us"), times=1)) as simulator:
        ask(simulator, "/us/api/5/cohorts/request/a?props=0")
        ask(simulator, "/us/api/5/cohorts/request-status/q%2F00001")
        cut, whole = ask(simulator, path), ask(simulator, path)
    assert whole is not None
    assert cut == (whole[: len(whole) // 2] if kind == "truncate_quietly" else None)


@pytest.mark.parametrize("kind", ["gzip_crc", "gzip_cut"])
def test_given_damage_in_a_gzipped_file_then_its_sending_is_sound(kind: str) -> None:
    with a_simulator(Fault(kind, api="rest", times=1, path="*/file"), encoding="gzip") as simulator:
        ask(simulator, "/us/api/5/cohorts/request/a?props=0")
        ask(simulator, "/us/api/5/cohorts/request-status/q%2F00001")
        damaged, whole = ask(simulator, FILE), ask(simulator, FILE)
    assert damaged is not None
    assert whole is not None
    gzip.decompress(whole)
    with pytest.raises((OSError, EOFError)):
        gzip.decompress(damaged)


def test_given_two_faults_for_one_request_then_the_second_waits_for_the_next() -> None:
    faults = [Fault("status", status=status, times=1, body=b"") for status in (500, 503)]
    with a_simulator(*faults) as simulator:
        for _ in range(3):
            ask(simulator, EXPORT)
    assert [request.status for request in simulator.log] == [500, 503, 200]


@pytest.mark.parametrize(
    "wrong", [{"kind": "zip_crc", "api": "rest"}, {"kind": "members"}, {"kind": "body"}, {"kind": "no such"}]
)
def test_given_a_fault_that_can_never_be_applied_then_it_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"fault|transform|change"):
        Fault(**wrong)  # type: ignore[arg-type]
