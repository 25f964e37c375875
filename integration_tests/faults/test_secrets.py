"""No key, no user's id and no user's data in any output but records. The harness checks that after every run."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from amplitude_simulator import Fault, Simulator
from harness.profiles import listed, read_profiles
from harness.runs import USER_DATA, Command, Outcome, a_config
from integration_tests.faults.test_answers import MIDDLE_HOUR, PASSING, STAYING

FAULTS = {**PASSING, **{f"{name}, staying": fault for name, (fault, *_) in STAYING.items()}}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_given_debug_and_a_fault_then_no_key_and_no_user_is_told_of(
    simulator: Simulator, command: Command, fault: Fault
) -> None:
    simulator.faults.append(replace(fault, hour=MIDDLE_HOUR))
    outcome = command.run("read", *command.read_arguments(), "--debug")
    assert outcome.of_type("DEBUG")


@pytest.mark.parametrize("verb", ["check", "discover"])
def test_given_debug_then_check_and_discover_tell_no_key(simulator: Simulator, command: Command, verb: str) -> None:
    config = command.file("config.json", a_config(simulator))
    assert command.run(verb, "--config", config, "--debug").exit_code == 0


def test_a_leak_would_be_noticed(simulator: Simulator, command: Command) -> None:
    for leak in (
        simulator.project.secret_key,
        simulator.project.api_key,
        f"user of {USER_DATA[0]}",
        f"{7:08X}-F01A-4BD9-95C6-8E5357DF265D",
        "/v1/userprofile?user_id=ada%20l%C3%B6velace&get_amp_props=true",
        "unknown: ada l\u00f6velace",
        "the user (d-1)",
    ):
        told = json.dumps({"type": "LOG", "log": {"level": "INFO", "message": leak}}, separators=(",", ":"))
        for outcome in (Outcome(0, [told], "", 0, 0.0), Outcome(1, [], leak, 0, 0.0)):
            with pytest.raises(AssertionError):
                command.assert_no_secret(outcome, ["ada l\u00f6velace", "d-1"])
    innocent = Outcome(0, ['{"type":"LOG","log":{"message":"read-1"}}'], "", 0, 0.0)
    command.assert_no_secret(innocent, ["d-1"])


def test_given_the_profile_api_cannot_be_connected_to_then_no_user_is_told_of(
    simulator: Simulator, command: Command
) -> None:
    command.environment["AMPLITUDE_PROFILE_API_URL"] = "http://127.0.0.1:1"
    outcome = read_profiles(command, listed([f"ada-{number}" for number in range(20)], ["d-1"]))
    assert outcome.exit_code == 1
    assert "The User Profile API kept failing" in outcome.stream_error["message"]
    assert "Giving up" not in outcome.everything, "it is tried again"


LIBRARIES_AT_WORK = """
import logging, sys
from airbyte_cdk.sources.streams.http import HttpClient
from airbyte_cdk.sources.streams.http.error_handlers import HttpStatusErrorHandler
from airbyte_cdk.utils import AirbyteTracedException
from source_amplitude.airbyte.command import open_output
open_output()
logging.getLogger().setLevel(logging.DEBUG)
logger = logging.getLogger("airbyte")
logger.setLevel(logging.DEBUG)
client = HttpClient("profiles", logger, error_handler=HttpStatusErrorHandler(logger, max_retries=1))
for address in sys.argv[1:]:
    url = f"{address}/v1/userprofile?user_id=ada"
    try:
        client.send_request("GET", url, request_kwargs={}, headers={"X-User": "grace"}, json={"user_id": "alan"})
    except Exception as error:
        logger.exception("It failed")
        AirbyteTracedException.from_exception(error).emit_message()
"""


def test_given_libraries_that_log_all_they_can_then_no_query_header_or_body_is_told(simulator: Simulator) -> None:
    simulator.faults.append(Fault("status", api="profile", status=400, body=b'{"userData": {"user_id": "barbara"}}'))
    command = [sys.executable, "-c", LIBRARIES_AT_WORK, f"{simulator.url}/us", "http://user:secret@127.0.0.1:1"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ended.stderr == ""
    for told in (
        "Making outbound API request",
        '\\"GET /us/v1/userprofile?****',
        "failed with status code '400'",
        "Request (body): ****",
        "Max retries exceeded with url: /v1/userprofile?****",
        "http://****@127.0.0.1:1/v1/userprofile?****",
        '"stack_trace":"Traceback',
    ):
        assert told in ended.stdout
    for secret in ("ada", "grace", "alan", "barbara", "secret", "Giving up", "Backing off"):
        assert secret not in ended.stdout


def test_temporary_files_have_no_name_while_they_exist(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("latency", seconds=0.3))
    outcome = command.read(a_config(simulator, batch_size_hours=6))
    assert outcome.exit_code == 0
    # Python's `tempfile` writes that much into a file, and removes it, to see whether it may write in the folder.
    assert all(size <= len("blat") for size in command.named_files.values()), command.named_files
