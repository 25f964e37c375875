"""The members of cohorts: which cohorts, at which price, in which form they come, and what becomes of failures."""

import gzip
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Cohort, Fault, Request, RestData, Simulator
from amplitude_simulator.rest.cohorts import member_ids, member_rows
from harness.limits import scaled
from harness.rest import ALL_COHORTS, a_state, listed_cohorts, read_streams, stream_states
from harness.runs import Command, KillAfter, Outcome, a_catalog, a_config, peak_rss_bytes
from source_amplitude.endpoints.cohort_job import POLL_SECONDS

FINISHED = {"__ab_full_refresh_sync_complete": True}
FILE = "/api/5/cohorts/request/*/file"


@pytest.fixture
def project(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Callable[..., Command]:
    def start(*cohorts: Cohort, **data: Any) -> Command:
        command = Command(a_simulator(rest=RestData(cohorts=cohorts, **data)), tmp_path)
        command.warm = True
        return command

    return start


def read(command: Command, cohorts: Any, properties: Sequence[str] = (), **options: Any) -> Outcome:
    choice = {"cohorts": cohorts, "user_properties": list(properties)}
    return read_streams(command, "cohort_members", cohort_members=choice, **options)


def members(outcome: Outcome, cohort_id: str) -> list[int]:
    records = outcome.records("cohort_members")
    return [record["amplitude_id"] for record in records if record["cohort_id"] == cohort_id]


def starts(command: Command) -> list[str]:
    """The cohorts that downloads were started for, in order."""
    paths = [request.path.rpartition("/api/5/cohorts/request/")[2] for request in command.simulator.rest_log]
    return [path for path in paths if "/" not in path and path]


def requests_for_the_file(command: Command) -> list[Request]:
    return [request for request in command.simulator.rest_log if request.path.endswith("/file")]


@pytest.mark.parametrize("in_storage", [False, True])
@pytest.mark.parametrize("encoding", ["plain", "gzip", "gzip without a header"])
def test_given_any_form_of_the_file_then_every_member_once_with_the_properties_asked_for(
    project: Callable[..., Command], encoding: Any, in_storage: bool
) -> None:
    cohort = Cohort("k2m9xq7", size=2500, encoding=encoding, in_storage=in_storage)
    command = project(cohort)
    outcome = read(command, listed_cohorts("k2m9xq7"), ["gp:plan", "gp:a, b"], properties_format="object")
    assert outcome.exit_code == 0, outcome.everything
    header, *rows = member_rows(cohort, ["gp:plan", "gp:a, b"])
    assert header == ["amplitude_id", "user_id", "gp:plan", "gp:a, b"]
    assert outcome.records("cohort_members") == [
        {
            "cohort_id": "k2m9xq7", "amplitude_id": int(amplitude_id), "user_id": user_id or None,
            "properties": {"gp:plan": plan, "gp:a, b": other},
        }
        for amplitude_id, user_id, plan, other in rows
    ]  # fmt: skip
    assert outcome.states[0]["sourceStats"]["recordCount"] == 2500


def test_given_a_relative_address_in_the_storage_then_it_is_followed(project: Callable[..., Command]) -> None:
    command = project(Cohort("a", in_storage=True), relative_links=True)
    outcome = read(command, listed_cohorts("a"))
    assert members(outcome, "a") == list(member_ids(Cohort("a"))), outcome.everything
    assert [request.status for request in command.simulator.rest.storage.log] == [200]


def test_given_an_id_that_must_be_quoted_then_its_members_are_read(project: Callable[..., Command]) -> None:
    cohort = Cohort("a/b c?d%2F")
    outcome = read(project(cohort), listed_cohorts(cohort.id))
    assert members(outcome, cohort.id) == list(member_ids(cohort)), outcome.everything


def test_given_a_job_that_waits_in_a_queue_then_it_is_asked_for_again_five_seconds_later(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a", polls=1))
    outcome = read(
        command, listed_cohorts("a"), options={"settings": {"endpoints.cohort_job.POLL_SECONDS": POLL_SECONDS}}
    )
    assert members(outcome, "a") == list(member_ids(Cohort("a"))), outcome.everything
    queued, done = [each for each in command.simulator.rest_log if "/request-status/" in each.path]
    assert done.at - queued.at >= 5.0


def test_given_a_redirect_then_no_key_goes_to_the_storage_and_its_address_is_in_no_log(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a", in_storage=True))
    command.environment["NETRC"] = command.file("netrc", "machine localhost login somebody password secret")
    choice = {"cohorts": listed_cohorts("a")}
    arguments = command.read_arguments(
        a_config(command.simulator, cohort_members=choice), None, a_catalog("cohort_members")
    )
    outcome = command.run("read", *arguments, "--debug")
    assert members(outcome, "a") == list(member_ids(Cohort("a")))
    [request] = command.simulator.rest.storage.log
    assert request.status == 200
    assert request.authorization is None
    assert "X-Amz-Signature" not in outcome.everything


def test_given_no_choice_then_no_request_and_an_error_that_says_where_to_choose(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a"))
    for choice in ({}, {"cohorts": listed_cohorts()}):
        outcome = read_streams(command, "cohort_members", cohort_members=choice)
        assert outcome.stream_error["failure_type"] == "config_error"
        assert "Set them in the field cohort_members.cohorts" in outcome.stream_error["message"]
    assert command.simulator.rest_log == []


def test_given_all_cohorts_up_to_a_number_then_the_oldest_without_those_of_groups(
    project: Callable[..., Command],
) -> None:
    created = {"createdAt": 1}
    command = project(Cohort("new"), Cohort("old", fields=created), Cohort("firms", group="company"), Cohort("later"))
    outcome = read(command, {**ALL_COHORTS, "max_cohorts": 2})
    assert starts(command) == ["old", "later"]
    assert "left out are cohorts of groups, not users: 1" in outcome.log
    assert "the oldest 2 of 3 cohorts are read, as max_cohorts says" in outcome.log


def test_given_a_list_of_cohorts_without_any_id_then_an_error_and_no_snapshot_without_members(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a", size=3))
    answer = b'{"cohorts": [null, 1, {"name": "a"}, {"id": ""}]}'
    command.simulator.faults.append(Fault("body", api="rest", path="/api/3/cohorts", change=lambda _: answer))
    outcome = read(command, ALL_COHORTS)
    assert outcome.stream_error["failure_type"] == "system_error"
    assert "None of the 4 cohorts" in outcome.stream_error["message"]
    assert FINISHED not in stream_states(outcome)


def test_given_no_properties_then_none_are_asked_for(project: Callable[..., Command]) -> None:
    command = project(Cohort("a"))
    outcome = read(command, listed_cohorts("a"))
    [started] = [request for request in command.simulator.rest_log if "props" in request.params]
    assert started.query == "props=0"
    assert all(
        record.keys() == {"cohort_id", "amplitude_id", "user_id"} for record in outcome.records("cohort_members")
    )


@pytest.mark.parametrize("quota_shape", ["rest_download", "count"])
def test_given_a_quota_then_it_is_told_what_is_used_and_left(project: Callable[..., Command], quota_shape: Any) -> None:
    command = project(Cohort("a"), Cohort("b"), quota_shape=quota_shape, quota_used=480)
    outcome = read(command, listed_cohorts("a", "b"))
    assert outcome.exit_code == 0
    assert (
        "this sync uses 2 of the month's 500 downloads of cohorts; 480 were used before it, 18 are left" in outcome.log
    )
    assert command.simulator.rest.cohorts.used == 482


def test_given_no_quota_endpoint_then_it_goes_on(project: Callable[..., Command]) -> None:
    outcome = read(project(Cohort("a"), quota_shape=None), listed_cohorts("a"))
    assert outcome.exit_code == 0
    assert len(members(outcome, "a")) == 20
    assert "this sync uses 1 of the month's downloads; how many are left is unknown" in outcome.log


def test_given_too_little_quota_then_an_error_before_any_of_it_is_used(project: Callable[..., Command]) -> None:
    command = project(Cohort("a"), Cohort("b"), quota_used=499)
    outcome = read(command, listed_cohorts("a", "b"))
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "2 are needed, 1 of 500 are left" in outcome.stream_error["message"]
    assert starts(command) == []


def test_given_a_job_that_fails_once_then_it_is_started_again(project: Callable[..., Command]) -> None:
    command = project(Cohort("a", failed_jobs=1))
    outcome = read(command, listed_cohorts("a"))
    assert outcome.exit_code == 0, outcome.everything
    assert len(members(outcome, "a")) == 20
    assert starts(command) == ["a", "a"]


def test_given_a_job_that_fails_twice_then_an_error_names_the_cohort_and_the_next_sync_goes_on_with_it(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a"), Cohort("b", failed_jobs=2), Cohort("c"))
    first = read(command, listed_cohorts("a", "b", "c"))
    assert first.stream_error["failure_type"] == "transient_error"
    assert "the file of the cohort b, 2 times: its status is JOB FAILED" in first.stream_error["message"]
    assert stream_states(first)[-1] == {"cohorts_done": ["a"]}
    second = read(command, listed_cohorts("a", "b", "c"), state=first.last_state)
    assert second.exit_code == 0
    assert starts(command) == ["a", "b", "b", "b", "c"]
    assert stream_states(second)[-1] == FINISHED


def test_given_a_job_that_never_ends_then_an_error_after_a_while(project: Callable[..., Command]) -> None:
    command = project(Cohort("a", polls=10**6))
    options = {"settings": {"endpoints.cohort_job.LONGEST_JOB_SECONDS": 0.2}}
    outcome = read(command, listed_cohorts("a"), options=options)
    assert "it is not done after" in outcome.stream_error["message"]


def test_given_a_job_that_takes_long_then_the_log_says_what_is_waited_for(project: Callable[..., Command]) -> None:
    command = project(Cohort("a", polls=50))
    outcome = read(command, listed_cohorts("a"), options={"settings": {"progress.PROGRESS_SECONDS": 0.1}})
    assert outcome.exit_code == 0
    assert outcome.log.count("cohort_members: waiting for the file of the cohort a (JOB INPROGRESS)\n") >= 3


def test_given_an_unknown_cohort_then_an_error_names_it(project: Callable[..., Command]) -> None:
    outcome = read(project(Cohort("a")), listed_cohorts("nope"))
    assert outcome.stream_error["failure_type"] == "config_error"
    assert outcome.stream_error["message"].startswith("Amplitude does not give out the cohort nope: correct")


def test_given_a_cohort_that_is_refused_after_others_were_not_then_an_error_names_it(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a"), Cohort("b"), Cohort("c"))
    body = b'{"error": {"http_code": 403, "type": "forbidden", "message": "Forbidden", "metadata": {"details": "No"}}}'
    fault = Fault("status", api="rest", path="/api/5/cohorts/request/b", status=403, body=body)
    command.simulator.faults.append(fault)
    outcome = read(command, listed_cohorts("a", "b", "c"))
    assert outcome.stream_error["failure_type"] == "config_error"
    assert outcome.stream_error["message"].startswith("Amplitude does not give out the cohort b: correct")
    assert "403 Forbidden (No)" in outcome.stream_error["message"]
    assert stream_states(outcome)[-1] == {"cohorts_done": ["a"]}
    again = read(command, listed_cohorts("a", "b", "c"), state=outcome.last_state)
    assert again.stream_error["message"] == outcome.stream_error["message"]


def test_given_a_cohort_of_groups_by_name_then_an_error_says_so(project: Callable[..., Command]) -> None:
    outcome = read(project(Cohort("firms", group="company")), listed_cohorts("firms"))
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "The cohort firms has no column amplitude_id" in outcome.stream_error["message"]


def test_given_an_empty_cohort_then_no_record(project: Callable[..., Command]) -> None:
    outcome = read(project(Cohort("a", size=0)), listed_cohorts("a"))
    assert outcome.exit_code == 0
    assert outcome.records("cohort_members") == []


@pytest.mark.parametrize("kind", ["truncate", "reset_body", "html", "reset"])
@pytest.mark.parametrize("encoding", ["plain", "gzip", "gzip without a header"])
def test_given_a_file_that_is_cut_or_is_none_then_it_is_fetched_again_and_every_member_comes_once(
    project: Callable[..., Command], kind: str, encoding: Any
) -> None:
    command = project(Cohort("a", size=300, encoding=encoding))
    command.simulator.faults.append(Fault(kind, api="rest", path=FILE, times=2))
    outcome = read(command, listed_cohorts("a"))
    assert [request.fault is not None for request in requests_for_the_file(command)] == [True, True, False]
    assert outcome.exit_code == 0, outcome.everything
    assert members(outcome, "a") == list(member_ids(Cohort("a", size=300)))
    assert starts(command) == ["a"], "the file of one job, which stays valid for a week"


def test_given_a_gzipped_file_that_ends_too_early_then_it_is_fetched_again(project: Callable[..., Command]) -> None:
    command = project(Cohort("a", size=300, encoding="gzip without a header"))
    command.simulator.faults.append(Fault("truncate_quietly", api="rest", path=FILE, times=1))
    assert members(read(command, listed_cohorts("a")), "a") == list(member_ids(Cohort("a", size=300)))
    assert len(requests_for_the_file(command)) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0), gzip.compress(b"\n", mtime=0)],
    ids=["nothing", "blank lines", "a byte order mark", "gzip of nothing", "gzip of a blank line"],
)
def test_given_a_file_without_a_header_then_it_is_fetched_again_and_every_member_comes_once(
    project: Callable[..., Command], content: bytes
) -> None:
    command = project(Cohort("a", size=300))
    command.simulator.faults.append(Fault("body", api="rest", path=FILE, times=2, change=lambda _: content))
    outcome = read(command, listed_cohorts("a"))
    assert outcome.exit_code == 0, outcome.everything
    assert members(outcome, "a") == list(member_ids(Cohort("a", size=300)))
    assert len(requests_for_the_file(command)) == 3


def test_given_files_without_a_header_for_ever_then_an_error_and_no_snapshot_without_members(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a", size=300))
    command.simulator.faults.append(Fault("body", api="rest", path=FILE, change=lambda _: b""))
    outcome = read(command, listed_cohorts("a"))
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "200, but an empty file" in outcome.stream_error["message"]
    assert FINISHED not in stream_states(outcome)


@pytest.mark.parametrize("kind", ["gzip_crc", "gzip_cut"])
@pytest.mark.parametrize("encoding", ["gzip", "gzip without a header"])
def test_given_a_damaged_gzipped_file_then_it_is_fetched_again_and_every_member_comes_once(
    project: Callable[..., Command], kind: str, encoding: Any
) -> None:
    command = project(Cohort("a", size=300, encoding=encoding))
    command.simulator.faults.append(Fault(kind, api="rest", path=FILE, times=2))
    outcome = read(command, listed_cohorts("a"))
    assert outcome.exit_code == 0, outcome.everything
    assert [request.fault is not None for request in requests_for_the_file(command)] == [True, True, False]
    assert members(outcome, "a") == list(member_ids(Cohort("a", size=300)))
    assert starts(command) == ["a"]


def test_given_a_large_gzipped_file_damaged_at_its_end_then_it_is_fetched_again_before_any_member_comes(
    project: Callable[..., Command],
) -> None:
    large = Cohort("a", size=10_000, encoding="gzip without a header")
    command = project(large)
    command.simulator.faults.append(Fault("gzip_crc", api="rest", path=FILE, times=1))
    outcome = read(command, listed_cohorts("a"))
    assert len(requests_for_the_file(command)) == 2
    assert members(outcome, "a") == list(member_ids(large))


def test_given_an_address_in_the_storage_that_is_no_longer_valid_then_a_new_one_is_asked_for(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a", in_storage=True), link_seconds=-1.0)
    outcome = read(command, listed_cohorts("a"))
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "403 from the storage of cohort files" in outcome.stream_error["message"]
    assert [request.status for request in command.simulator.rest.storage.log] == [403] * 5


def test_given_sigkill_between_cohorts_then_the_next_sync_goes_on_with_the_next(
    project: Callable[..., Command],
) -> None:
    cohorts = [Cohort(name) for name in "abcd"]
    command = project(*cohorts)
    command.simulator.faults.append(Fault("hang", api="rest", path="/api/5/cohorts/request/c", times=1))
    kill = KillAfter(0.0, once=lambda: starts(command) == ["a", "b", "c"])
    first = read(command, listed_cohorts(*"abcd"), options={"kill_after": kill})
    assert stream_states(first)[-1] == {"cohorts_done": ["a", "b"]}
    second = read(command, listed_cohorts(*"abcd"), state=first.last_state)
    assert second.exit_code == 0, second.everything
    assert starts(command) == ["a", "b", "c", "c", "d"], "none of the quota twice"
    for cohort in cohorts:
        assert members(first, cohort.id) + members(second, cohort.id) == list(member_ids(cohort))


def test_given_a_job_of_two_attempts_then_the_second_does_not_read_finished_members_again(
    project: Callable[..., Command],
) -> None:
    command = project(Cohort("a"))
    first = read(command, listed_cohorts("a"))
    assert stream_states(first)[-1] == FINISHED
    command.simulator.clear_log()
    second = read(command, listed_cohorts("a"), state=first.last_state)
    assert second.exit_code == 0
    assert command.simulator.rest_log == []
    assert second.records("cohort_members") == []
    assert stream_states(second)[-1] == FINISHED
    assert "an earlier attempt of this job has read cohort_members: not read again" in second.log
    assert len(members(read(command, listed_cohorts("a")), "a")) == 20


def test_given_another_connectors_state_then_an_error_says_what_to_do(project: Callable[..., Command]) -> None:
    outcome = read(project(Cohort("a")), listed_cohorts("a"), state=[a_state("cohort_members", page=3)])
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Reset the stream's state" in outcome.stream_error["message"]


def test_given_json_string_then_the_properties_are_text(project: Callable[..., Command]) -> None:
    [record] = read(project(Cohort("a", size=1)), listed_cohorts("a"), ["gp:plan"]).records("cohort_members")
    assert json.loads(record["properties"]) == {"gp:plan": 'two\nlines, "quoted"'}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_given_two_million_members_then_each_once_in_under_150_mb(project: Callable[..., Command]) -> None:
    large = Cohort("large", size=2_000_000, in_storage=True, encoding="gzip")
    command = project(large)
    command.warm = False
    config = a_config(
        command.simulator, cohort_members={"cohorts": listed_cohorts("large"), "user_properties": ["gp:plan"]}
    )
    arguments = command.read_arguments(config, None, a_catalog("cohort_members"))
    process = command.start("read", *arguments, stderr=subprocess.DEVNULL)
    assert isinstance(process, subprocess.Popen)
    assert process.stdout is not None
    expected, records, peak = member_ids(large), 0, 0
    for line in process.stdout:
        if line.startswith('{"type":"RECORD"'):
            start = line.index('"amplitude_id":') + len('"amplitude_id":')
            assert int(line[start : line.index(",", start)]) == next(expected)
            records += 1
            if records % 10_000 == 0:
                peak = max(peak, peak_rss_bytes(process.pid))
    assert process.wait(timeout=scaled(60)) == 0
    assert records == 2_000_000
    assert 0 < peak < 150e6
    assert list(command.temporary_files.iterdir()) == []
    print(f"peak {peak / 1e6:.0f} MB resident")
