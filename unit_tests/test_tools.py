"""CI finds the Pythons of a machine, and needs nothing from outside of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
WORKS, BROKEN = f'exec "{sys.executable}" "$@"', "exit 127"
HERE = sys.version_info.minor


def found(folder: Path, pythons: dict[str, str]) -> list[str]:
    """What tools/pythons.py prints where there are just these, by path and what they do."""
    for name, script in pythons.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    (folder / "bin").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "pythons.py")],
        env={**os.environ, "PATH": str(folder / "bin"), "PYENV_ROOT": str(folder / "pyenv")},
        check=True,
        capture_output=True,
        text=True,
    )
    return [str(Path(line).relative_to(folder)) for line in ended.stdout.splitlines()]


@pytest.fixture(scope="module")
def others() -> list[int]:
    """Supported minor versions but for the one that runs this, the oldest first."""
    project = (REPOSITORY / "pyproject.toml").read_text()
    [(lowest, above)] = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)
    return [minor for minor in range(int(lowest), int(above)) if minor != HERE]


def test_the_oldest_and_the_newest_python_are_found_on_the_path_and_in_pyenv(tmp_path: Path, others: list[int]) -> None:
    oldest, between, *_, newest = others
    there = {
        f"pyenv/versions/3.{oldest}.7/bin/python3.{oldest}": WORKS,
        f"bin/python3.{between}": WORKS,
        f"bin/python3.{newest}": WORKS,
        "bin/python3.9": WORKS,
        "bin/python3.99": WORKS,
    }
    assert found(tmp_path, there) == [f"pyenv/versions/3.{oldest}.7/bin/python3.{oldest}", f"bin/python3.{newest}"]


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path, others: list[int]) -> None:
    oldest, between, *_ = others
    there = {
        f"bin/python3.{oldest}": BROKEN,
        f"bin/python3.{between}": BROKEN,
        f"pyenv/versions/3.{between}.1/bin/python3.{between}": WORKS,
    }
    assert found(tmp_path, there) == [f"pyenv/versions/3.{between}.1/bin/python3.{between}"]


def test_without_another_python_nothing_is_printed(tmp_path: Path) -> None:
    assert found(tmp_path, {f"bin/python3.{HERE}": WORKS}) == []


def test_ci_names_nothing_outside_of_the_repository() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text()
    assert re.findall(r"\S*\.\./\S*", script.replace('cd "$(dirname "$0")/.."', "")) == []
    for path in re.findall(r"tools/[\w.]+", script):
        assert os.access(REPOSITORY / path, os.X_OK if path.endswith(".sh") else os.R_OK), path


def test_where_no_engine_can_be_set_up_the_script_says_why_and_prints_no_code(tmp_path: Path) -> None:
    for name, script in {"docker": "exit 1", "id": "echo 1000"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    ended = subprocess.run(
        [str(REPOSITORY / "tools" / "container_engine.sh")],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "without root" in ended.stderr


def test_where_an_engine_answers_the_script_changes_nothing(tmp_path: Path) -> None:
    for name, script in {"docker": '[ "$1" = info ]', "apt-get": "exit 9", "podman": "exit 9"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    home = tmp_path / "home"
    ended = subprocess.run(
        [str(REPOSITORY / "tools" / "container_engine.sh")],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CONTAINER_ENGINE_HOME": str(home)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (ended.stdout, home.exists()) == ("", False)
