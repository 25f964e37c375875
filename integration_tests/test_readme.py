"""The commands of the README and of docs/deployment.md do what these say."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from amplitude_simulator import Fault
from harness.limits import STUCK_SECONDS, scaled, wait_until
from harness.moments import FIRST_HOUR
from harness.runs import Command, a_config
from integration_tests.faults.expect import LAST_HOUR
from source_amplitude.airbyte.arguments import parse

REPOSITORY = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
README = BLOCK.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
DEPLOYMENT = BLOCK.findall((REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8"))


@pytest.fixture
def installed(command: Command, tmp_path: Path) -> Path:
    """A folder with the command where the pages have it, a configuration, and the simulator's time of day."""
    folder = tmp_path / "amplitude"
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "config.json").write_text(json.dumps(a_config(command.simulator)))
    set_clock(command, folder)
    return folder


def set_clock(command: Command, folder: Path) -> None:
    at = f"{command.simulator.now:%Y-%m-%dT%H:%M:%SZ}"
    executable = folder / "venv" / "bin" / "source-amplitude"
    executable.write_text(
        f'#!/bin/sh\nexec env PYTHONPATH={REPOSITORY} {sys.executable} -m harness.command --at {at} -- "$@"\n'
    )
    executable.chmod(0o755)


def shell(command: Command, script: str, folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, **command.simulator.environment, "TMPDIR": str(command.temporary_files)}
    return subprocess.Popen(
        ["sh", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def block(blocks: list[tuple[str, str]], mark: str) -> str:
    [found] = [content for _, content in blocks if mark in content]
    return found


def uuids_in(path: Path) -> list[str]:
    messages = map(json.loads, path.read_text().splitlines())
    return [message["record"]["data"]["uuid"] for message in messages if message["type"] == "RECORD"]


def test_the_commands_of_the_readme_read_a_project_and_go_on(command: Command, installed: Path) -> None:
    script = block(README, "venv/bin/source-amplitude sync")
    first = shell(command, script, installed)
    out, err = first.communicate()
    assert first.returncode == 0, err
    assert '"SUCCEEDED"' in out
    assert "complete  from 2024-03-15T21:00:00Z" in err
    command.simulator.now += timedelta(hours=3)
    set_clock(command, installed)
    last_line = script.strip().splitlines()[-1]
    assert shell(command, last_line, installed).wait(scaled(STUCK_SECONDS)) == 0
    uuids = uuids_in(installed / "messages.jsonl")
    assert sorted(uuids) == sorted(command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR + timedelta(hours=3)))
    assert shell(command, block(README, "records.jsonl"), installed).wait(scaled(STUCK_SECONDS)) == 0
    records = [json.loads(line) for line in (installed / "records.jsonl").read_text().splitlines()]
    assert [record["uuid"] for record in records] == uuids


def test_the_script_for_cron_hands_over_what_has_arrived_and_loses_nothing(command: Command, installed: Path) -> None:
    (installed / "catalog.json").write_text(Path(command.read_arguments()[3]).read_text())
    script = block(DEPLOYMENT, "/srv/amplitude/sync.sh\n").replace("/srv/amplitude", str(installed))
    command.simulator.faults.append(Fault("latency", seconds=1))
    killed = shell(command, script, installed)
    wait_until(lambda: command.simulator.log, "a request")
    os.kill(int(Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()[0]), signal.SIGKILL)
    assert killed.wait(scaled(STUCK_SECONDS)) != 0
    assert list((installed / "arrived").iterdir()) == []
    for hours in (0, 3):
        command.simulator.now += timedelta(hours=hours)
        set_clock(command, installed)
        process = shell(command, script, installed)
        _, err = process.communicate()
        assert process.returncode == 0, err
        assert not (installed / "messages.jsonl").exists()
    files = sorted((installed / "arrived").iterdir())
    assert len(files) == 2
    uuids = [uuid for file in files for uuid in uuids_in(file)]
    assert sorted(uuids) == sorted(command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR + timedelta(hours=3)))


def test_the_manifest_for_kubernetes_gives_arguments_that_the_command_has() -> None:
    job, claim = yaml.safe_load_all(block(DEPLOYMENT, "kind: CronJob"))
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    arguments = parse(container["args"])
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(Path(path).parent) for path in (arguments.config, arguments.state, arguments.output)} <= mounted
    assert container["env"] == [{"name": "TMPDIR", "value": "/archives"}]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert claim["metadata"]["name"] == pod["volumes"][2]["persistentVolumeClaim"]["claimName"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
