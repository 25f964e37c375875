"""`make demo` says what it is at before it takes long."""

import re
import subprocess
from pathlib import Path

import pytest

import demo.__main__ as demo
from amplitude_simulator import Fault, Simulator
from harness.runs import Command, a_config

REPOSITORY = Path(__file__).parents[1]


def test_what_is_installed_and_how_large_it_is_comes_before_pip(tmp_path: Path) -> None:
    command = ["make", "--dry-run", "demo", f"VENV={tmp_path}"]
    steps = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    told, _, later = steps.partition("pip install")
    assert re.search(rf"echo .*packages into {tmp_path}, 460 MB", told)
    assert "--quiet" not in later.partition("requirements/dev.txt")[0], "pip shows how far it is"
    assert "(460 MB)" in (REPOSITORY / "README.md").read_text(), "the same there"


def test_each_command_is_named_at_once_and_shows_that_it_still_runs(
    simulator: Simulator,
    warm_command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "DOT_SECONDS", 0.05)
    simulator.faults.append(Fault("latency", seconds=0.5))
    config = warm_command.file("config.json", a_config(simulator))
    demo.show("check", warm_command, "check", "--config", config)
    assert re.fullmatch(r"\$ source-amplitude check +\.{3,} -> exit code 0, \d+ messages\n", capsys.readouterr().out)
