"""No key and no user's data in any output. The harness checks it after every run of every test; here with `--debug`."""

from dataclasses import replace

import pytest

from amplitude_simulator import Fault, Simulator
from harness.runs import USER_DATA, Command, Outcome, a_config
from integration_tests.faults.test_answers import MIDDLE_HOUR, PASSING, STAYING

FAULTS = {**PASSING, **{f"{name}, staying": fault for name, (fault, *_) in STAYING.items()}}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_given_debug_and_a_fault_then_no_key_and_no_user_is_told_of(
    simulator: Simulator, warm_command: Command, fault: Fault
) -> None:
    simulator.faults.append(replace(fault, hour=MIDDLE_HOUR))
    outcome = warm_command.run("read", *warm_command.read_arguments(), "--debug")
    assert "'Authorization': 'Basic ****'" in outcome.everything, "requests were told of, and the keys masked"


@pytest.mark.parametrize("verb", ["check", "discover"])
def test_given_debug_then_check_and_discover_tell_no_key(
    simulator: Simulator, warm_command: Command, verb: str
) -> None:
    config = warm_command.file("config.json", a_config(simulator))
    assert warm_command.run(verb, "--config", config, "--debug").exit_code == 0


def test_a_leak_would_be_noticed(simulator: Simulator, command: Command) -> None:
    for leak in (simulator.project.secret_key, simulator.project.api_key, f"user of {USER_DATA[0]}"):
        told = f'{{"type":"LOG","log":{{"level":"INFO","message":"{leak}"}}}}'
        with pytest.raises(AssertionError):
            command.assert_no_secret(Outcome(0, [told], "", 0, 0.0))


def test_temporary_files_have_no_name_while_they_exist(simulator: Simulator, warm_command: Command) -> None:
    simulator.faults.append(Fault("latency", seconds=0.3))
    outcome = warm_command.read(a_config(simulator, batch_size_hours=6))
    assert outcome.exit_code == 0
    names = {name for name in warm_command.names_seen if not name.startswith("tmp")}
    assert names == set(), "only the CDK's empty folder has a name"
