"""`make demo` says what it is at before it takes long."""

import re
import subprocess
from pathlib import Path

import pytest

import demo.__main__ as demo
from amplitude_simulator import Fault, Project, RestData, Simulator
from harness.runs import Command, a_config

REPOSITORY = Path(__file__).parents[1]


def test_what_is_installed_and_how_large_it_is_comes_before_pip(tmp_path: Path) -> None:
    command = ["make", "--dry-run", "demo", f"VENV={tmp_path}"]
    steps = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    told, _, later = steps.partition("pip install")
    assert re.search(rf"echo .*packages into {tmp_path}, half a GB", told)
    assert "--quiet" not in later.partition("requirements/dev.txt")[0], "pip shows how far it is"


def test_each_command_is_named_at_once_and_shows_that_it_still_runs(
    simulator: Simulator,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "DOT_SECONDS", 0.05)
    simulator.faults.append(Fault("latency", seconds=0.5))
    config = command.file("config.json", a_config(simulator))
    demo.show("check", command, "check", "--config", config)
    assert re.fullmatch(r"\$ source-amplitude check +\.{3,} -> exit code 0, \d+ messages\n", capsys.readouterr().out)


def test_the_whole_demo_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "Command", Command)
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    project = Project(demo.FIRST_HOUR, events_per_hour=10, users=10, rest=RestData(first_day=demo.FIRST_DAY))
    with Simulator(project, now=demo.NOW) as simulator:
        went_well = demo.run(simulator)
    printed = capsys.readouterr().out
    assert went_well, printed
    assert "FAIL" not in printed
    assert {path.name for path in tmp_path.iterdir()} > {"spec.jsonl", "first_read.jsonl", "active_users.jsonl"}
