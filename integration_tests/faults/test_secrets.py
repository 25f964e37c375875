"""No key, no user's id and no user's data in any output but records. The harness checks that after every run."""

import json
from dataclasses import replace

import pytest

from amplitude_simulator import Fault, Simulator
from harness.profiles import listed, read_profiles
from harness.runs import USER_DATA, Command, Outcome, a_config
from integration_tests.faults.tables import MIDDLE_HOUR, PASSING, STAYING

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


def test_temporary_files_have_no_name_while_they_exist(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("slow_body", hour=MIDDLE_HOUR, bytes_per_second=50_000))  # its file is there a while
    outcome = command.read(a_config(simulator, batch_size_hours=6))
    assert outcome.exit_code == 0
    # Python's `tempfile` writes that much into a file, and removes it, to see whether it may write in the folder.
    assert all(size <= len("blat") for size in command.named_files.values()), command.named_files
