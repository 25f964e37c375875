"""The first touch: usage without traceback, mistakes that are told in a sentence, and files as editors write them."""

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from harness.runs import Command, Outcome, a_catalog, a_config
from source_amplitude.version import VERSION

REPOSITORY = Path(__file__).parents[1]


def source_amplitude(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as it is installed, without the harness."""
    command = [sys.executable, "-X", "importtime", "-m", "source_amplitude", *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    imports = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    assert not [line for line in imports if "airbyte_cdk" in line], "takes a second"
    ended.stderr = "\n".join(line for line in ended.stderr.splitlines() if not line.startswith("import time:"))
    return ended


def test_given_version_then_it_is_printed() -> None:
    ended = source_amplitude("--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"source-amplitude {VERSION}\n", "")


def test_given_help_then_only_what_concerns_this_connector() -> None:
    ended = source_amplitude("--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage: source-amplitude")
    for told in ("spec", "check", "discover", "catalog", "read", "sync", "--version"):
        assert told in ended.stdout
    of_read = source_amplitude("read", "--help").stdout
    assert all(option in of_read for option in ("--config FILE", "--catalog FILE", "--state FILE", "--debug"))
    assert not any(word in of_read + ended.stdout for word in ("manifest", "components", '{"type"'))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "commands:"),
        (["wread"], "invalid choice: 'wread'"),
        (["check"], "the following arguments are required: --config"),
        (["read", "--config", "a"], "the following arguments are required: --catalog"),
        (["read", "--config", "a", "--catalog", "b", "--manifest-path", "c"], "unrecognized arguments"),
    ],
)
def test_given_arguments_that_are_none_then_the_usage_and_2(arguments: list[str], told: str) -> None:
    ended = source_amplitude(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: source-amplitude")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def assert_told_without_traceback(outcome: Outcome, sentence: str, failure_type: str = "config_error") -> None:
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.everything
    assert 'File \\"' not in outcome.everything
    assert [error["failure_type"] for error in outcome.errors] == [failure_type] * len(outcome.errors)
    assert sentence in outcome.errors[0]["message"]
    assert not [error["stack_trace"] for error in outcome.errors if error.get("stack_trace")]
    assert [error["message"].count(sentence) for error in outcome.errors] == [1], "it is told once"
    errors = [outcome.messages.index(message) for message in outcome.of_type("TRACE") if "error" in message["trace"]]
    before = [message["log"] for message in outcome.messages[: errors[0]] if message["type"] == "LOG"]
    assert not [log for log in before if "MemoryMonitor" in log["message"]]
    assert not [message for message in outcome.of_type("LOG") if message["log"]["level"] in ("ERROR", "FATAL")]
    assert outcome.stderr == ""


def test_given_a_users_mistake_then_a_sentence_and_no_traceback(simulator: Simulator, command: Command) -> None:
    refused = command.read(a_config(simulator, secret_key="another"))
    assert_told_without_traceback(refused, "Authentication failed. Check your api_key and secret_key.")
    wrong = command.read(a_config(simulator, region="Mars"))
    assert_told_without_traceback(wrong, "region must be one of US, EU.")
    missing = command.read(catalog=a_catalog("visits"))
    assert_told_without_traceback(missing, "There is no stream visits.")
    absent = command.run("check", "--config", str(command.folder / "absent.json"))
    assert_told_without_traceback(absent, "cannot be read: No such file or directory.")


def test_given_something_that_passes_then_a_sentence_and_no_traceback(simulator: Simulator, command: Command) -> None:
    command.environment["AMPLITUDE_API_URL"] = "http://127.0.0.1:9"
    assert_told_without_traceback(command.read(), "Connection refused", "transient_error")
    del command.environment["AMPLITUDE_API_URL"]
    simulator.faults.append(Fault("reset"))
    outcome = command.read()
    assert_told_without_traceback(outcome, "ConnectionError: ", "transient_error")
    assert "('" not in outcome.stream_error["message"], "words, not Python"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("catalog", {"type": "CATALOG", "catalog": {"streams": []}}, "It looks like what discover prints"),
        ("catalog", {"streams": [{"name": "events", "json_schema": {}}]}, "It looks like what discover prints"),
        ("catalog", {"streams": {}}, "The command source-amplitude catalog --config FILE prints one."),
        ("catalog", [], "does not hold a configured Airbyte catalog in JSON, but a list."),
        ("catalog", {"streams": []}, "has no streams, so nothing can be read."),
        ("state", {"type": "STREAM"}, "put it into square brackets"),
        ("state", {"type": "STATE", "state": {}}, "It holds a whole STATE message. It must be one list"),
        ("state", [{"type": "STATE", "state": {}}], "It holds whole STATE messages. It must be one list"),
        ("state", {"events": {"server_upload_time": "2024-03-15"}}, "as states were once written. It must be one list"),
        (
            "state",
            '{"type":"STATE"}\n{"type":"STATE"}\n',
            "holds several JSON texts instead of one. It must be one list",
        ),
        ("state", "7", "does not hold a JSON array of Airbyte state messages, but a number."),
        ("state", [{"type": "s3cret"}], "look at 0/type"),
    ],
)
def test_given_a_usual_mix_up_of_files_then_a_hint(command: Command, name: str, content: object, told: str) -> None:
    arguments = command.read_arguments(state=[])
    arguments[arguments.index(f"--{name}") + 1] = command.file(f"{name}.json", content)
    outcome = command.run("read", *arguments)
    assert_told_without_traceback(outcome, told)
    assert "s3cret" not in outcome.everything


def test_given_a_check_that_fails_then_its_sentence_is_not_in_quotes(simulator: Simulator, command: Command) -> None:
    config = command.file("config.json", a_config(simulator, secret_key="another"))
    [status] = command.run("check", "--config", config).of_type("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "FAILED"
    assert status["connectionStatus"]["message"].startswith("Authentication failed.")


def test_given_an_unexpected_error_then_its_traceback_stays(simulator: Simulator, command: Command) -> None:
    outcome = command.read(settings={"export.width.TARGET_ARCHIVE_BYTES": "many"})
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "system_error"
    assert "Traceback" in outcome.stream_error["stack_trace"]
    assert "Traceback" in outcome.log


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{"api_key": "k3y-in-the-file",\n "secret_key" "s3cret"}', "line 2, column 15: Expecting ':' delimiter."),
        ('{\n  "api_key": "k3y-in-the-file",\n}', "line 2, column 31: Comma before the closing bracket."),
        ('{"a": ["k3y-in-the-file", ]}', "line 1, column 25: Comma before the closing bracket."),
        ('{"a": ["k3y-in-the-file",}', "line 1, column 26: Expecting value."),
        ('{"a": "k3y-in-the-file",]', "line 1, column 25: Expecting property name enclosed in double quotes."),
        ('{"api_key": "k3y-\\qin-the-file"}', "line 1, column 18"),
        (b'{"api_key": "k3y-in-the-file\xff"}', "it is not in UTF-8"),
    ],
)
def test_given_broken_json_then_its_line_and_column_and_none_of_its_content(
    command: Command, content: str | bytes, place: str
) -> None:
    path = command.folder / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = command.run("check", "--config", str(path))
    assert_told_without_traceback(outcome, f"The config file {path} does not hold a JSON object: {place}")
    assert not any(part in outcome.everything for part in ("k3y", "s3cret", "\\\\q"))


@pytest.mark.parametrize("key", [5, 17, True, ["k3y"], {"k3y": 5}])
@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_given_a_key_that_is_no_text_then_told_so_in_messages_that_are_json(
    simulator: Simulator, command: Command, name: str, key: Any
) -> None:
    outcome = command.read(a_config(simulator, **{name: key}))
    assert [error["message"] for error in outcome.errors] == [f"Config validation error: {name} must be text."]
    assert [error["failure_type"] for error in outcome.errors] == ["config_error"]
    config = command.file("config.json", a_config(simulator, **{name: key}))
    [verdict] = command.run("check", "--config", config).of_type("CONNECTION_STATUS")
    assert verdict["connectionStatus"] == {
        "status": "FAILED", "message": f"Config validation error: {name} must be text."
    }  # fmt: skip
    assert simulator.log == []


@pytest.mark.parametrize(
    ("verb", "content", "sentence"),
    [
        ("check", "", "is empty."),
        ("check", " \n", "is empty."),
        ("check", "[]", "does not hold a JSON object, but a list."),
        ("check", "null", "does not hold a JSON object, but null."),
        ("check", '"k3y"', "does not hold a JSON object, but a text."),
        ("check", "9" * 5000, "does not hold a JSON object, but a number."),
        (
            "check",
            '{"api_key":"k3y","secret_key":"s3cret","num_workers":' + "9" * 5000 + "}",
            "num_workers must be a whole number from 1 to 5.",
        ),
        ("check", '{"a":' * 900 + "1" + "}" * 900, "Config validation error: the configuration is nested too deeply."),
        ("check", '{"a":' * 99_999 + "1" + "}" * 99_999, "it is nested too deeply."),
        (
            "discover",
            '{"a":' * 900 + "1" + "}" * 900,
            "Config validation error: the configuration is nested too deeply.",
        ),
    ],
    ids=[
        "empty",
        "blank",
        "list",
        "null",
        "text",
        "5,000 digits",
        "a field of 5,000 digits",
        "deep",
        "very deep",
        "deep for discover",
    ],
)
def test_given_a_configuration_that_is_none_then_one_sentence(
    command: Command, verb: str, content: str, sentence: str
) -> None:
    outcome = command.run(verb, "--config", command.file("config.json", content))
    if outcome.of_type("CONNECTION_STATUS"):
        [status] = outcome.of_type("CONNECTION_STATUS")
        assert status["connectionStatus"]["status"] == "FAILED"
        assert status["connectionStatus"]["message"].endswith(sentence)
    else:
        assert_told_without_traceback(outcome, sentence)


@pytest.mark.parametrize("verb", ["check", "read"])
def test_given_devices_and_pipes_as_files_then_one_sentence_in_bounded_time(command: Command, verb: str) -> None:
    pipe = command.folder / "pipe"
    os.mkfifo(pipe)
    arguments = command.read_arguments(state=[]) if verb == "read" else ["--config", "-"]
    held = os.open(pipe, os.O_RDWR)  # a writer that writes nothing
    for path, sentence in (
        ("/dev/zero", "cannot be read: it is larger than 1 MB."),
        ("/dev/null", "is empty."),
        (str(pipe), "cannot be read: its end did not come within 0 seconds."),
        (str(command.folder), "cannot be read: Is a directory."),
    ):
        arguments[-1] = path
        outcome = command.run(
            verb, *arguments, settings={"airbyte.files.WAIT_SECONDS": 0.1, "airbyte.files.MOST_BYTES": 1024**2}
        )
        assert_told_without_traceback(outcome, sentence)
    os.close(held)
    arguments[-1] = str(pipe)
    outcome = command.run(verb, *arguments, settings={"airbyte.files.WAIT_SECONDS": 0.1})
    assert_told_without_traceback(outcome, "its end did not come within 0 seconds.")


def test_given_a_configuration_from_another_program_then_it_is_read(simulator: Simulator, command: Command) -> None:
    config = command.file("config.json", a_config(simulator))
    command.prefix = ["bash", "-c", f'exec "$@" --config <(sleep 0.2; cat {config})', "bash"]
    outcome = command.run("check")
    assert outcome.exit_code == 0, outcome.everything
    assert outcome.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"] == "SUCCEEDED"


def test_given_a_file_that_may_not_be_read_then_told_who_wanted_to(command: Command) -> None:
    path = Path(command.file("config.json", "{}"))
    path.chmod(0)
    if os.geteuid() == 0:  # whom only his capabilities let in
        command.prefix = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
        if subprocess.run([*command.prefix, "true"], check=False, capture_output=True).returncode:
            pytest.skip("capabilities cannot be dropped here")
    outcome = command.run("check", "--config", str(path))
    assert_told_without_traceback(outcome, f"cannot be read: Permission denied to the user with the id {os.geteuid()}.")


def test_given_a_file_name_that_is_not_utf_8_then_a_sentence(command: Command) -> None:
    outcome = command.run("check", "--config", os.fsdecode(os.fsencode(command.folder) + b"/caf\xe9.json"))
    assert_told_without_traceback(outcome, "caf\ufffd.json cannot be read: No such file or directory.")


def test_given_a_broken_catalog_or_state_then_its_line_and_column(simulator: Simulator, command: Command) -> None:
    arguments = command.read_arguments(state=[])
    command.file("state.json", '[\n{"type": ]')
    outcome = command.run("read", *arguments)
    assert_told_without_traceback(outcome, "does not hold a JSON array of Airbyte state messages: line 2, column 10")
    command.file("catalog.json", '{"streams": [}')
    outcome = command.run("read", *arguments)
    assert_told_without_traceback(outcome, "does not hold a configured Airbyte catalog in JSON: line 1, column 14")


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")])
def test_given_files_with_a_byte_order_mark_then_they_are_read(
    simulator: Simulator, command: Command, mark: bytes, encoding: str
) -> None:
    paths = command.read_arguments(a_config(simulator, start_date="2024-03-15"), state=[])
    for path in map(Path, paths[1::2]):
        path.write_bytes(mark + path.read_text().encode(encoding))
    outcome = command.run("read", *paths)
    assert (outcome.exit_code, len(outcome.uuids)) == (0, 105)


def test_given_misspelt_fields_then_warnings_name_the_nearest(simulator: Simulator, command: Command) -> None:
    users = {"selection": "listed", "user_id": ["user-1@example.com"], "user_ids": ["user-2@example.com"]}
    config: dict[str, Any] = {
        **a_config(simulator, start_date=None),
        "start_dat": "2024-03-15",
        "xyzzy": 1,
        "__injected_by_airbyte": {},
        "data_region": "Standard Server",
        "user_profiles": {"users": users, "get_cohorts_ids": True},
    }
    outcome = command.run("check", "--config", command.file("config.json", config))
    assert outcome.exit_code == 0
    warnings = [message["log"]["message"] for message in outcome.of_type("LOG") if message["log"]["level"] == "WARN"]
    has = "The configuration has a field"
    gone = "which does not exist and is ignored."
    assert [warning for warning in warnings if warning.startswith(has)] == [
        f"{has} start_dat, {gone} Did you mean start_date?",
        f"{has} xyzzy, {gone}",
        f"{has} user_profiles.users.user_id, {gone} Did you mean user_profiles.users.user_ids?",
        f"{has} user_profiles.get_cohorts_ids, {gone} Did you mean user_profiles.get_cohort_ids?",
    ]


def test_given_empty_optional_fields_then_their_defaults(simulator: Simulator, command: Command) -> None:
    empty = {"region": "", "batch_size_hours": "", "properties_format": "", "user_profiles": {"propensity_type": ""}}
    outcome = command.read({**a_config(simulator, start_date="2024-03-15"), **empty})
    assert (outcome.exit_code, len(outcome.uuids)) == (0, 105)
    refused = command.read({**a_config(simulator), "secret_key": ""})
    assert_told_without_traceback(refused, "secret_key must not be empty.")


def test_given_a_temporary_folder_that_does_not_exist_then_a_warning_names_the_one_that_is_used(
    simulator: Simulator, command: Command
) -> None:
    there = str(command.temporary_files)
    config = ["--config", command.file("config.json", json.dumps(a_config(simulator)))]
    command.environment = {"TMPDIR": "/nonexistent", "TEMP": there}
    outcome = command.run("check", *config)
    assert outcome.exit_code == 0
    assert f"TMPDIR names /nonexistent, where no file can be written: the temporary folder is {there}" in outcome.log
    command.environment = {"TMPDIR": os.path.relpath(there)}
    assert "TMPDIR" not in command.run("check", *config).log
