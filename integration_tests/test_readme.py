"""The commands of the README that read messages do what it says."""

import json
import re
import subprocess
from pathlib import Path

from harness.profiles import a_profiles_config, keys_of, listed
from harness.runs import Command, a_catalog

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def shell(script: str, folder: Path) -> str:
    return subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_log_can_be_seen_while_messages_go_to_a_file(command: Command, tmp_path: Path) -> None:
    outcome = command.read()
    (tmp_path / "messages.jsonl").write_text("\n".join(outcome.lines) + "\n")
    [line] = [block.strip() for block in BLOCKS if "tail -f" in block]
    shown = shell(line.replace("tail -f", "cat"), tmp_path).splitlines()
    assert len(shown) > 3
    assert [json.loads(one) for one in shown] == outcome.of_type("LOG")


def test_the_state_of_the_readme_continues_the_sync(command: Command, tmp_path: Path) -> None:
    config, catalog = a_profiles_config(command.simulator, listed(["ada"])), a_catalog("events", "user_profiles")
    outcome = command.read(config, catalog=catalog)
    (tmp_path / "messages.jsonl").write_text("\n".join(outcome.lines) + "\n")
    [script] = [block.partition("venv/bin/")[0] for block in BLOCKS if "> state.json" in block]
    shell(script, tmp_path)
    state = json.loads((tmp_path / "state.json").read_text())
    continued = command.read(config, state, catalog)
    assert (continued.exit_code, continued.records()) == (0, [])
    assert continued.last_state == outcome.last_state
    assert keys_of(continued) == ["ada"], "the finished profiles of the sync before do not count"
